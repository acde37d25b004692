import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Lightbox } from '../../../runtime/src/cli/index.ts';
import { makeProject } from './fakeHost.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a shell line in `cwd`; `interruptAt` gets Ctrl-C once that text was printed. */
function shell(cwd: string, line: string, interruptAt?: RegExp): Promise<Ended> {
  // The group gets the signal, as it does in a terminal.
  const child = spawn('sh', ['-c', `exec ${line}`], { cwd, env: cleanEnv() });
  let [output, errors, interrupted] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
    if (interrupted || interruptAt === undefined || !interruptAt.test(output)) return;
    interrupted = true;
    child.kill('SIGINT');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += String(chunk);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      resolve({ code, output, errors });
    });
  });
}

function cleanEnv(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^npm_|^NODE_OPTIONS$|^CI$/.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

const node = `${process.execPath} --import tsx`;

describe('a real process', () => {
  it('saves on Ctrl-C, and the command it prints goes on when pasted', async () => {
    const cwd = makeProject();
    const slow = '--data.delay_ms 40 --trainer.max_epochs 3 --trainer.run_name "it\'s mine"';
    const first = await shell(cwd, `${node} train.ts fit --config line.yaml ${slow}`, /Epoch 1\/3/);
    expect(first.errors).toBe('');
    expect(first.code).toBe(130);
    const command = /(npx tsx .* --ckpt_path .*)$/m.exec(first.output)?.[1];
    expect(command).toMatch(/^npx tsx train\.ts resume --ckpt_path '?runs\//);

    const pasted = (command ?? '').replace('npx tsx', node);
    const second = await shell(cwd, `${pasted} --data.delay_ms 0`);
    expect(second.errors).toBe('');
    expect(second.code).toBe(0);
    expect(second.output).toMatch(/Resumed from/);
    expect(second.output).toMatch(/max_epochs 3 reached/);
  });

  it('saves on Ctrl-C although the same key ended the reader of its output', async () => {
    const cwd = makeProject();
    const slow = '--data.delay_ms 40 --trainer.max_epochs 3';
    const child = spawn('sh', ['-c', `exec ${node} train.ts fit --config line.yaml ${slow}`], {
      cwd,
      env: cleanEnv(),
    });
    const closed = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.destroy();
    child.stderr.destroy();
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGINT');
    expect(await closed).toBe(130);
    const run = join(cwd, 'runs/Line/version_0');
    expect(readdirSync(join(run, 'checkpoints'))).toContainEqual(
      expect.stringMatching(/^interrupt-step=\d+\.safetensors$/),
    );
    expect(readFileSync(join(run, 'run.json'), 'utf8')).toContain('"status": "interrupted"');
  });

  it('outlives a terminal that is not its own, as nohup has it', async () => {
    const cwd = makeProject();
    const line = `exec nohup ${node} train.ts fit --config line.yaml --data.delay_ms 20`;
    const child = spawn('sh', ['-c', line], { cwd, env: cleanEnv() });
    const closed = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGHUP');
    child.stdout.resume();
    child.stderr.resume();
    expect(await closed).toBe(0);
  });

  it('notes in the run folder what was run, secrets left out', async () => {
    const cwd = makeProject();
    const secret = '--environment.MY_API_KEY very-secret --environment.MY_TOKEN=very-secret';
    const line = `${node} train.ts fit --config line.yaml --trainer.max_steps 2 ${secret}`;
    expect((await shell(cwd, line)).code).toBe(0);

    const run = join(cwd, 'runs/Line/version_0');
    const record = readFileSync(join(run, 'run.json'), 'utf8');
    const config = readFileSync(join(run, 'config.yaml'), 'utf8');
    expect(JSON.parse(record)).toMatchObject({
      sessions: [
        {
          command: [
            'train.ts',
            'fit',
            '--config',
            'line.yaml',
            '--trainer.max_steps',
            '2',
            '--environment.MY_API_KEY',
            '***',
            '--environment.MY_TOKEN=***',
          ],
        },
      ],
    });
    expect(config).toContain('max_steps: 2');
    expect(record + config).not.toContain('very-secret');
  });

  it('prints mistakes to stderr and ends with 2', async () => {
    const cwd = makeProject();
    const { code, output, errors } = await shell(
      cwd,
      `${node} train.ts fit --config line.yaml --trainer.max_epoch 1`,
    );
    expect({ code, output, errors }).toEqual({
      code: 2,
      output: '',
      errors: 'error: --trainer.max_epoch: unknown key. Did you mean "max_epochs"?\n',
    });
  });
});

describe('Lightbox', () => {
  it('fits and resumes in code with the same precedence', async () => {
    const projectRoot = makeProject();
    const config = join(projectRoot, 'line.yaml');
    const runs = join(projectRoot, 'runs');
    const overrides = { 'trainer.default_root_dir': runs, 'model.log': 'mse' };
    const fitted = await Lightbox.fit({ config, overrides, projectRoot });
    expect(fitted).toMatchObject({ status: 'finished', counters: { updates: { completed: 16 } } });
    const source = fitted.lastCheckpoint ?? '';
    expect(existsSync(source)).toBe(true);
    const additionalConfig = { trainer: { max_epochs: 3 } };
    const resumed = await Lightbox.resume({ source, additionalConfig, projectRoot });
    expect(resumed.counters.updates.completed).toBe(24);
    expect(resumed.metrics).toHaveProperty(['train/mse']);
    const inRuns = { trainer: { max_epochs: 4, default_root_dir: runs } };
    const last = await Lightbox.resume({
      ...{ source: 'last', additionalConfig: inRuns, projectRoot },
    });
    expect(last.counters.updates.completed).toBe(32);
  });

  it('rejects with the error of a mistake', async () => {
    const projectRoot = makeProject();
    const config = join(projectRoot, 'wrong.yaml');
    const text = readFileSync(join(projectRoot, 'line.yaml'), 'utf8');
    writeFileSync(config, text.replace('max_epochs', 'max_epoch'));
    await expect(Lightbox.fit({ config, projectRoot })).rejects.toMatchObject({
      code: 'ERR_CONFIG_UNKNOWN_KEY',
    });
  });
});
