import type { z } from 'zod';
import { fnmatch } from '../../core/fnmatch.ts';
import type { JsonObject } from '../../core/json.ts';
import type { LatestMetric } from '../../core/metricStore.ts';
import {
  optimizerRounds,
  type OptimizerRound,
  type paramGroupSchema,
} from '../../core/optim/index.ts';
import type { NamedParameter } from '../../core/parameters.ts';
import type { RunPlan } from '../../core/runPlan.ts';
import type { OptimizerGroupView } from '../../core/trainerContext.ts';
import type { TrainModule } from '../../core/trainModule.ts';
import type { NamedTensor } from '../../checkpoint/tensorData.ts';
import { UsageError } from '../../errors.ts';
import { BoundRound, type LentTensors, type RoundSettings } from './boundRound.ts';
import type { ManualOptimization } from './manualOptimization.ts';

/** What optimizers take from the trainer and its callbacks. */
export interface OptimizerSettings extends Pick<
  RoundSettings,
  'gradientClipVal' | 'gradientClipAlgorithm' | 'adjustRate'
> {
  /** In front of the optimizers' own. */
  readonly groups: readonly z.output<typeof paramGroupSchema>[];
}

/** The optimizers of a fit with their parameters, schedules and accumulated gradients. */
export class OptimizerStep {
  readonly rounds: readonly BoundRound[];
  /** Lets the module do the steps; null for automatic optimization. */
  manual: ManualOptimization | null = null;

  readonly #declared: readonly OptimizerRound[];
  readonly #settings: OptimizerSettings;
  #frozenVersion: number;

  /** @throws UsageError ERR_OPTIMIZER_CONFIG when rounds share parameters or name none */
  constructor(
    module: TrainModule,
    parameters: readonly NamedParameter[],
    plan: RunPlan,
    settings: OptimizerSettings,
  ) {
    const { gradientClipVal, gradientClipAlgorithm, adjustRate } = settings;
    const manual = !module.automaticOptimization;
    this.#settings = settings;
    this.#frozenVersion = module.freezing.version;
    this.#declared = optimizerRounds(module.configureOptimizers());
    this.rounds = divideAmongRounds(this.#declared, parameters).map(({ round, own, frozen }) => {
      const surroundings = { frozen, groups: settings.groups };
      const clip = { gradientClipVal, gradientClipAlgorithm };
      return new BoundRound(round, own, plan, { manual, ...clip, surroundings, adjustRate });
    });
  }

  /**
   * Takes over what the module froze or unfroze since, unless an accumulation group is open.
   * @returns whether anything changed
   */
  followTrainables(module: TrainModule): boolean {
    const { version } = module.freezing;
    if (version === this.#frozenVersion) return false;
    if (this.rounds.some(({ arena }) => arena.accumulatedWeight > 0)) return false;
    this.#frozenVersion = version;
    const parameters = module.parameters();
    module.freezing.check(parameters);
    divideAmongRounds(this.#declared, parameters).forEach(({ own, frozen }, index) => {
      this.rounds[index].rebind(own, { frozen, groups: this.#settings.groups });
    });
    return true;
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
  observe(
    metrics: ReadonlyMap<string, LatestMetric>,
    step: number,
    after: 'epoch' | 'validation',
  ): void {
    for (const round of this.rounds) round.observe(metrics, step, after);
  }

  /** Sets the rate of each round's first group; the others keep their ratio to it. */
  overrideLr(lr: number): void {
    for (const round of this.rounds) round.lrOverride = lr;
  }

  stateDict(): JsonObject {
    return Object.fromEntries(this.rounds.map((round) => [round.name, round.stateDict()]));
  }

  /** Shares memory with the optimizers; see `LentTensors`. */
  lendTensors(): LentTensors {
    const rounds = this.rounds.map((round) => round.lendTensors());
    return {
      tensors: rounds.flatMap(({ tensors }) => tensors),
      release: () => {
        for (const { release } of rounds) release();
      },
    };
  }

  /** @returns what the user should know of it, as lines of text */
  loadState(state: JsonObject, tensors: ReadonlyMap<string, NamedTensor>): string[] {
    return this.rounds.flatMap((round) => {
      const own = state[round.name];
      if (own === undefined) {
        throw new UsageError(
          'ERR_OPTIM_STATE',
          `The checkpoint has no optimizer "${round.name}"; it has ${Object.keys(state).join(', ')}. Use the same optimizers, or load weights only.`,
        );
      }
      return round.loadState(own as JsonObject, tensors);
    });
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

/** Parameters of each round, and the names of those that would be its own if not frozen. */
function divideAmongRounds(
  rounds: readonly OptimizerRound[],
  parameters: readonly NamedParameter[],
): { round: OptimizerRound; own: readonly NamedParameter[]; frozen: string[] }[] {
  const trainable = parameters.filter((parameter) => parameter.trainable);
  const frozen = parameters.filter((parameter) => parameter.frozen === true);
  const taken = new Set<string>();
  return rounds.map((round) => {
    const own = ownParameters(round, trainable);
    for (const { name } of own) {
      if (taken.has(name)) throw shared(round, name);
      taken.add(name);
    }
    return { round, own, frozen: matching(round, frozen).map(({ name }) => name) };
  });
}

function matching(
  { parameters: patterns }: OptimizerRound,
  among: readonly NamedParameter[],
): readonly NamedParameter[] {
  if (patterns === undefined) return among;
  const tests = patterns.map((pattern) => fnmatch(pattern));
  return among.filter((parameter) => tests.some((test) => test(parameter.name)));
}

function ownParameters(
  round: OptimizerRound,
  trainable: readonly NamedParameter[],
): readonly NamedParameter[] {
  const { name, parameters: patterns } = round;
  const own = matching(round, trainable);
  if (own.length > 0 || patterns === undefined) return own;
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
