import type { FlagSpec } from '../../config/parseArguments.ts';
import { UsageError } from '../../errors.ts';
import type { BatchSizeLimits } from '../../tuning/batchSizeSearch.ts';
import type { LrSweepTask } from '../../tuning/lrSweep.ts';

type Flags = Readonly<Record<string, FlagSpec>>;

const value = (describe: string): FlagSpec => ({ takes: 'value', describe });

const commonFlags: Flags = {
  key: value(
    'Dotted key of what is tuned. Default: model.learning_rate or model.lr; data.batch_size.',
  ),
  output: value(
    'YAML file that gets the result. Default: <trainer.default_root_dir>/tune/<what>.yaml.',
  ),
};

const lrFlags: Flags = {
  min_lr: value('lr: lowest learning rate. Default 1e-8.'),
  max_lr: value('lr: highest learning rate. Default 1.'),
  num_training: value('lr: updates of the test. Default 100.'),
  mode: value('lr: exponential or linear. Default exponential.'),
  early_stop_threshold: value(
    'lr: stop at so many times the best smoothed loss; null: never. Default 4.',
  ),
  method: value('lr: steepest or valley. Default steepest.'),
};

const batchSizeFlags: Flags = {
  init_val: value('batch-size: first size. Default 2.'),
  max_trials: value('batch-size: sizes to try at most. Default 25.'),
  steps_per_trial: value('batch-size: updates that are measured for each. Default 10.'),
  max_memory: value('batch-size: gigabytes that training may take. Default: 80 % of what is free.'),
  goal: value(
    'batch-size: throughput (smallest of the fastest) or largest (that fits). Default throughput.',
  ),
};

/** Flags of `tune`, those of both kinds. */
export const tuneFlags: Flags = { ...commonFlags, ...lrFlags, ...batchSizeFlags };

type Options = ReadonlyMap<string, string | true>;

/** @throws UsageError ERR_CLI_FLAG for a flag of the other kind */
export function refuseOtherFlags(kind: 'lr' | 'batch-size', options: Options): void {
  const other = kind === 'lr' ? batchSizeFlags : lrFlags;
  for (const name of options.keys()) {
    if (!Object.hasOwn(other, name)) continue;
    const own = Object.keys(kind === 'lr' ? lrFlags : batchSizeFlags).map((flag) => `--${flag}`);
    throw new UsageError(
      'ERR_CLI_FLAG',
      `--${name} means nothing to tune ${kind}. It takes ${own.join(', ')}. See --help.`,
    );
  }
}

/** The sweep that the flags describe. @throws UsageError ERR_CLI_FLAG */
export function lrSweepOf(options: Options): LrSweepTask {
  const threshold = options.get('early_stop_threshold');
  const sweep = {
    minLr: number(options, 'min_lr', 1e-8, (lr) => lr > 0, 'a number above 0'),
    maxLr: number(options, 'max_lr', 1, (lr) => lr > 0, 'a number above 0'),
    steps: number(options, 'num_training', 100, isCount(20), 'a whole number, at least 20'),
    mode: choice(options, 'mode', ['exponential', 'linear']),
    threshold:
      threshold === 'null'
        ? null
        : number(
            options,
            'early_stop_threshold',
            4,
            (times) => times > 1,
            'a number above 1, or null',
          ),
  };
  if (sweep.minLr < sweep.maxLr) return sweep;
  throw new UsageError(
    'ERR_CLI_FLAG',
    `--min_lr ${String(sweep.minLr)} must be below --max_lr ${String(sweep.maxLr)}.`,
  );
}

export function lrMethodOf(options: Options): 'steepest' | 'valley' {
  return choice(options, 'method', ['steepest', 'valley']);
}

/** @param freeBytes memory that is free now */
export function batchSizeLimitsOf(options: Options, freeBytes: number): BatchSizeLimits {
  const gigabytes = (0.8 * freeBytes) / 2 ** 30;
  const positive = (size: number): boolean => size > 0;
  return {
    initVal: number(options, 'init_val', 2, isCount(1), 'a whole number, at least 1'),
    maxTrials: number(options, 'max_trials', 25, isCount(1), 'a whole number, at least 1'),
    maxBytes: number(options, 'max_memory', gigabytes, positive, 'a number above 0') * 2 ** 30,
  };
}

export function stepsPerTrialOf(options: Options): number {
  return number(options, 'steps_per_trial', 10, isCount(1), 'a whole number, at least 1');
}

export function goalOf(options: Options): 'throughput' | 'largest' {
  return choice(options, 'goal', ['throughput', 'largest']);
}

function isCount(least: number): (count: number) => boolean {
  return (count) => Number.isSafeInteger(count) && count >= least;
}

function number(
  options: Options,
  name: string,
  fallback: number,
  fits: (value: number) => boolean,
  expected: string,
): number {
  const text = options.get(name);
  if (text === undefined) return fallback;
  const read = text === true || text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(read) && fits(read)) return read;
  throw new UsageError('ERR_CLI_FLAG', `--${name}: expected ${expected}, got ${String(text)}.`);
}

function choice<T extends string>(options: Options, name: string, choices: readonly T[]): T {
  const text = options.get(name) ?? choices[0];
  const found = choices.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(
    'ERR_CLI_FLAG',
    `--${name}: expected ${choices.join(' or ')}, got ${String(text)}.`,
  );
}
