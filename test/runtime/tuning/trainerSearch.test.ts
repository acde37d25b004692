import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { type FrozenTrial, JournalStorage } from '../../../runtime/src/hpo/index.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(180_000);

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const lineFile = here('../cli/project/line.ts');

const yaml = `
model: { class_path: '${lineFile}#Line', init_args: { learning_rate: 0.2 } }
data: { class_path: '${lineFile}#Points', init_args: { count: 24 } }
trainer: { max_epochs: 4, accelerator: cpu }
hpo:
  search_space:
    model.learning_rate: { log: [1e-2, 0.5] }
    data.batch_size: { choices: [4, 8] }
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-line-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'line.yaml'), yaml);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(script: string, args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, ['--import', loader, script, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const end = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
  return { child, end };
}

async function search(args: readonly string[]): Promise<string> {
  const { code, output } = await start(here('fixtures/lineSearch.ts'), args).end;
  expect({ code, output }).toMatchObject({ code: 0 });
  return output;
}

async function trialsOf(study: string): Promise<readonly FrozenTrial[]> {
  const storage = new JournalStorage(join(folder, `runs/hpo/${study}/study.journal`));
  const trials = await storage.trials(0);
  await storage.close();
  return trials;
}

const reportsOf = ([trial]: readonly FrozenTrial[]): unknown => [...trial.intermediateValues];

const steps = ['--n-trials', '1', '--trial-steps', '7'];

describe('a search that trains', () => {
  it('reports by updates, ends with its steps, and fit reproduces its best', async () => {
    const output = await search(steps);
    const trials = await trialsOf('line');
    const [{ state, values, intermediateValues, params }] = trials;
    expect(state).toBe('COMPLETE');
    const perEpoch = 24 / Number(params['data.batch_size']);
    expect([...intermediateValues.keys()]).toEqual(perEpoch === 6 ? [6, 7] : [3, 6, 7]);
    expect(values).toEqual([Math.min(...intermediateValues.values())]);
    const best: unknown = parse(readFileSync(join(folder, 'runs/hpo/line/best.yaml'), 'utf8'));
    expect(best).toEqual({
      model: { init_args: { learning_rate: params['model.learning_rate'] } },
    });
    const command = /^The best trial again.*: npm run train -- (.*)$/m.exec(output)?.[1] ?? '';
    const fit = await start(here('../cli/project/train.ts'), ['fit', ...command.split(' ')]).end;
    expect(fit).toMatchObject({ code: 0 });
    const rows = readFileSync(join(folder, 'runs/Line/version_0/metrics.jsonl'), 'utf8');
    const [[step, value]] = [...intermediateValues].slice(0, 1);
    expect(rows).toMatch(new RegExp(`"step":${step},.*"val/loss":${value}`));
  });

  it('goes on from a checkpoint after kill -9, to the very same values', async () => {
    const slow = [...steps, '--study-name', 'killed', '--data.delay_ms=20'];
    const { child, end } = start(here('fixtures/lineSearch.ts'), slow);
    const checkpoints = join(folder, 'runs/hpo/killed/trial_0/run/version_0/checkpoints');
    for (let round = 0; !existsSync(join(checkpoints, 'last.safetensors')); round++) {
      if (round > 1500) throw new Error('no checkpoint came');
      await sleep(20);
    }
    child.kill('SIGKILL');
    await end;
    const output = await search(slow);
    expect(output).toContain('trial 0 was interrupted and is continued');
    const log = readFileSync(join(folder, 'runs/hpo/killed/trial_0/output.log'), 'utf8');
    expect(log).toContain('Resumed from ');
    // The search of the test before differs in its name only.
    expect(reportsOf(await trialsOf('killed'))).toEqual(reportsOf(await trialsOf('line')));
    const config = readFileSync(join(checkpoints, '../config.yaml'), 'utf8');
    expect(config).toContain('delay_ms: 20\n');
    expect(config).toContain('run_name: run\n');
  });

  it('refuses a space whose paths the configuration does not have', async () => {
    const wrong = { hpo: { search_space: { 'model.learning_rat': { uniform: [0, 1] } } } };
    writeFileSync(join(folder, 'wrong.yaml'), JSON.stringify(wrong));
    const args = ['--config', 'line.yaml', '--config', 'wrong.yaml', '--study-name', 'wrong'];
    const { code, output } = await start(here('fixtures/lineSearch.ts'), args).end;
    expect(code).toBe(2);
    expect(output).toContain('learning_rat');
    expect(output).toContain('learning_rate');
    expect(existsSync(join(folder, 'runs/hpo/wrong'))).toBe(false);
  });
});
