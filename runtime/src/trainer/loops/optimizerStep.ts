import { fnmatch } from '../../core/fnmatch.ts';
import type { JsonObject } from '../../core/json.ts';
import type { LatestMetric } from '../../core/metricStore.ts';
import { optimizerRounds, type OptimizerRound } from '../../core/optim/index.ts';
import type { NamedParameter } from '../../core/parameters.ts';
import type { RunPlan } from '../../core/runPlan.ts';
import type { OptimizerGroupView } from '../../core/trainerContext.ts';
import type { TrainModule } from '../../core/trainModule.ts';
import type { NamedTensor } from '../../checkpoint/tensorData.ts';
import { UsageError } from '../../errors.ts';
import { BoundRound, type RoundSettings } from './boundRound.ts';
import type { ManualOptimization } from './manualOptimization.ts';

/** The optimizers of a fit with their parameters, schedules and accumulated gradients. */
export class OptimizerStep {
  readonly rounds: readonly BoundRound[];
  /** Lets the module do the steps; null for automatic optimization. */
  manual: ManualOptimization | null = null;

  /** @throws UsageError ERR_OPTIMIZER_CONFIG when rounds share parameters or name none */
  constructor(
    module: TrainModule,
    parameters: readonly NamedParameter[],
    plan: RunPlan,
    clip: Omit<RoundSettings, 'manual'>,
  ) {
    const trainable = parameters.filter((parameter) => parameter.trainable);
    const taken = new Set<string>();
    const { gradientClipVal, gradientClipAlgorithm } = clip;
    const manual = !module.automaticOptimization;
    const settings = { manual, gradientClipVal, gradientClipAlgorithm };
    this.rounds = optimizerRounds(module.configureOptimizers()).map((round) => {
      const own = ownParameters(round, trainable);
      for (const { name } of own) {
        if (taken.has(name)) throw shared(round, name);
        taken.add(name);
      }
      return new BoundRound(round, own, plan, settings);
    });
  }

  /** Unclipped norm of the newest update's gradients, over the rounds that had a part in it. */
  get gradientNorm(): number | null {
    const norms = this.rounds.map((round) => round.gradientNorm).filter((norm) => norm !== null);
    return norms.length === 0 ? null : Math.hypot(...norms);
  }

  /** Whether the newest update was clipped by its norm; null when no round ever is. */
  get clipped(): boolean | null {
    const clipped = this.rounds.map((round) => round.clipped);
    return clipped.every((item) => item === null) ? null : clipped.includes(true);
  }

  /** Sum of squares of each gradient, by parameter. @param name of one round; default all */
  gradientSquares(name?: string): ReadonlyMap<string, number> {
    const squares = new Map<string, number>();
    for (const { arena, name: own } of this.rounds) {
      if (name !== undefined && name !== own) continue;
      for (const segment of arena.segments) {
        squares.set(segment.name, arena.kernels.sumOfSquares(arena.part(arena.grads, segment)));
      }
    }
    return squares;
  }

  groups(): readonly OptimizerGroupView[] {
    return this.rounds.flatMap((round) => round.groups());
  }

  /** Tells schedules that follow a metric what it is now. */
  afterValidation(metrics: ReadonlyMap<string, LatestMetric>, step: number): void {
    for (const round of this.rounds) round.afterValidation(metrics, step);
  }

  stateDict(): JsonObject {
    return Object.fromEntries(this.rounds.map((round) => [round.name, round.stateDict()]));
  }

  stateTensors(): NamedTensor[] {
    return this.rounds.flatMap((round) => round.stateTensors());
  }

  loadState(state: JsonObject, tensors: ReadonlyMap<string, NamedTensor>): void {
    for (const round of this.rounds) {
      const own = state[round.name];
      if (own === undefined) {
        throw new UsageError(
          'ERR_OPTIM_STATE',
          `The checkpoint has no optimizer "${round.name}"; it has ${Object.keys(state).join(', ')}. Use the same optimizers, or load weights only.`,
        );
      }
      round.loadState(own as JsonObject, tensors);
    }
  }

  /** Where trained weights live, by parameter name. */
  weightViews(): ReadonlyMap<string, Float32Array> {
    const views = new Map<string, Float32Array>();
    for (const { arena } of this.rounds) {
      arena.refresh();
      for (const segment of arena.segments) {
        views.set(segment.name, arena.part(arena.values, segment));
      }
    }
    return views;
  }

  /** Takes over weights that were assigned since: loaded ones, for example. */
  refresh(): void {
    for (const { arena } of this.rounds) arena.refresh();
  }

  dispose(): void {
    for (const { arena } of this.rounds) arena.dispose();
  }
}

function ownParameters(
  { name, parameters: patterns }: OptimizerRound,
  trainable: readonly NamedParameter[],
): readonly NamedParameter[] {
  if (patterns === undefined) return trainable;
  const tests = patterns.map((pattern) => fnmatch(pattern));
  const own = trainable.filter((parameter) => tests.some((test) => test(parameter.name)));
  if (own.length > 0) return own;
  throw new UsageError(
    'ERR_OPTIMIZER_CONFIG',
    `Optimizer round "${name}": no trainable parameter matches ${patterns.join(', ')}. ` +
      `The parameters are ${trainable.map((parameter) => parameter.name).join(', ')}.`,
  );
}

function shared({ name }: OptimizerRound, parameter: string): UsageError {
  return new UsageError(
    'ERR_OPTIMIZER_CONFIG',
    `Optimizer round "${name}": parameter "${parameter}" belongs to an earlier round already. ` +
      'Give each round its own `parameters` patterns.',
  );
}
