import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readMetrics } from '../../../runtime/src/loggers/index.ts';
import { makeProject, runIn } from './fakeHost.ts';

// Real processes, since that is what tuning is about; with LIGHTBOX_TEST_FULL longer ones too.
const full = process.env.LIGHTBOX_TEST_FULL === '1' ? it : it.skip;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function lightbox(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const command = ['--import', 'tsx', 'train.ts', ...args, '--config', 'digits.yaml'];
  const child = spawn(process.execPath, command, { cwd });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      resolve({ code, output, errors });
    });
  });
}

describe('tune', () => {
  it.each([
    [['tune'], 'tune needs what to tune: tune lr or tune batch-size'],
    [['tune', 'lrr'], 'got "lrr". Did you mean "lr"?'],
    [['tune', 'lr', '--init_val', '3'], '--init_val means nothing to tune lr. It takes --min_lr,'],
    [['tune', 'lr', '--min_lr', '1', '--max_lr', '0.1'], '--min_lr 1 must be below --max_lr 0.1'],
    [['tune', 'lr', '--num_training', 'x'], '--num_training: expected a whole number, at least 20'],
    [['tune', 'lr', '--mode', 'log'], '--mode: expected exponential or linear, got log'],
    [['tune', 'lr', '--ckpt_path', 'x'], 'leave --ckpt_path out'],
    [
      ['tune', 'lr', '--config', 'digits.yaml', '--key', 'model.learning_rat'],
      'no number at model.learning_rat. Did you mean "model.learning_rate"? Name it with --key. ' +
        'Numbers there are: model.learning_rate, model.hidden',
    ],
  ])('%j ends with 2 and a message', async (args, expected) => {
    const { code, warned } = await runIn(makeProject('digits'), args);
    expect(warned).toContain(expected);
    expect(code).toBe(2);
  });

  it('lr finds a rate for digits, as an overlay with a plot, and leaves no run', async () => {
    const cwd = makeProject('digits');
    const flags = ['--trainer.barebones', 'true', '--trainer.overfit_batches', '50%'];
    const args = ['tune', 'lr', '--num_training', '60', ...flags];
    const { code, output, errors } = await lightbox(cwd, ...args);
    expect(errors).toBe('');
    expect(code).toBe(0);
    const rate = Number(/model\.learning_rate: (\S+)/.exec(output)?.[1]);
    expect(rate).toBeGreaterThan(1e-4);
    expect(rate).toBeLessThan(0.3);
    const overlay = parse(readFileSync(join(cwd, 'runs/tune/lr.yaml'), 'utf8')) as unknown;
    expect(overlay).toEqual({ model: { init_args: { learning_rate: rate } } });
    expect(readFileSync(join(cwd, 'runs/tune/lr.svg'), 'utf8')).toMatch(/^<svg.*learning rate/s);
    expect(readdirSync(join(cwd, 'runs'))).toEqual(['tune']);

    const files = ['fit', '--config', 'digits.yaml', '--config', 'runs/tune/lr.yaml'];
    const { printed } = await runIn(cwd, [...files, '--print_config=provenance']);
    expect(printed).toContain(`learning_rate: ${String(rate)} # runs/tune/lr.yaml:4:20`);
  });

  // Six trainings in processes of their own take half a minute.
  full('batch-size survives a size that kills its process', async () => {
    const cwd = makeProject('digits');
    const args = ['tune', 'batch-size', '--init_val', '64', '--data.deadly_size', '256'];
    const { code, output, errors } = await lightbox(cwd, ...args);
    expect(errors).toBe('');
    expect(output).toMatch(
      /batch_size 256 +failed\nEnded: batch_size 256 failed: killed by SIGKILL/,
    );
    const size = Number(/data\.batch_size: (64|128)\n/.exec(output)?.[1]);
    const overlay = parse(readFileSync(join(cwd, 'runs/tune/batch-size.yaml'), 'utf8')) as unknown;
    expect(overlay).toEqual({ data: { init_args: { batch_size: size } } });
    expect(existsSync(join(cwd, 'runs/tune/batch-size.svg'))).toBe(true);
    expect(code).toBe(0);
  });

  full('leaves weights and randomness of the real run alone', async () => {
    const [tuned, plain] = [makeProject('digits'), makeProject('digits')];
    const fit = async (cwd: string): Promise<unknown> => {
      const args = ['fit', '--trainer.limit_val_batches', '0', '--trainer.log_every_n_steps', '1'];
      expect(await lightbox(cwd, ...args)).toMatchObject({ code: 0 });
      const rows = await readMetrics(join(cwd, 'runs/Digits/version_0/metrics.jsonl'));
      return rows.map(({ step, values }) => [step, values['train/loss'] ?? null]);
    };
    expect((await lightbox(tuned, 'tune', 'lr')).code).toBe(0);
    expect(await fit(tuned)).toEqual(await fit(plain));
  });
});
