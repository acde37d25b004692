import { UsageError } from '../../errors.ts';
import type { Scheduler } from '../schedulers/scheduler.ts';
import type { ClipConfig } from './clipping.ts';
import { Optimizer } from './optimizer.ts';

/** One optimizer for all trainable parameters. */
export interface SingleOptimizer {
  readonly optimizer: Optimizer;
  /** Default: a constant learning rate. */
  readonly scheduler?: Scheduler;
  /** Default: the trainer's clipping. */
  readonly clip?: ClipConfig;
}

/** One of several optimizers that take turns within every update. */
export interface OptimizerRound extends SingleOptimizer {
  readonly name: string;
  /** Patterns on the names of the parameters it trains; default all. */
  readonly parameters?: readonly string[];
  /**
   * Has its turn in every n-th update only: a generator with `every: 5` beside a critic with the
   * default 1 trains once for five times of the critic, in updates 5, 10, 15, ...
   */
  readonly every?: number;
}

/** What `configureOptimizers()` returns. */
export type OptimizerConfig = SingleOptimizer | readonly OptimizerRound[];

/**
 * The rounds of a configuration; a single optimizer is a round named `default`.
 * @throws UsageError ERR_OPTIMIZER_CONFIG for anything else
 */
export function optimizerRounds(config: OptimizerConfig): readonly OptimizerRound[] {
  const rounds = isRounds(config) ? config : [{ name: 'default', ...(config as object) }];
  const names = new Set<unknown>();
  for (const round of rounds as readonly Partial<OptimizerRound>[]) {
    if (!(round.optimizer instanceof Optimizer)) {
      throw invalid('no `optimizer` such as new AdamW({ lr: 1e-3 })');
    }
    if (typeof round.name !== 'string' || names.has(round.name)) {
      throw invalid('rounds without names of their own');
    }
    names.add(round.name);
    const { every = 1 } = round;
    if (!Number.isInteger(every) || every < 1) {
      throw invalid(`every: ${String(every)} in round "${round.name}" (a whole number from 1)`);
    }
  }
  if (rounds.length === 0) throw invalid('an empty array');
  if (!(rounds as readonly OptimizerRound[]).some(({ every = 1 }) => every === 1)) {
    throw invalid('no round with every: 1, so some updates would train nothing');
  }
  return rounds as readonly OptimizerRound[];
}

function isRounds(config: OptimizerConfig): config is readonly OptimizerRound[] {
  return Array.isArray(config);
}

function invalid(got: string): UsageError {
  return new UsageError(
    'ERR_OPTIMIZER_CONFIG',
    'configureOptimizers: expected { optimizer, scheduler?, clip? } or an array of rounds ' +
      `{ name, optimizer, scheduler?, clip?, parameters?, every? }, got ${got}.`,
  );
}
