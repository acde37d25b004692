import { isTrainingMetric } from '../../callbacks/monitoredMetric.ts';
import { isPlainObject, type Json, type JsonObject } from '../../core/json.ts';
import type { LatestMetric } from '../../core/metricStore.ts';
import {
  clipOptimizer,
  clipsByNorm,
  gradientNorm,
  type ClipConfig,
} from '../../core/optim/index.ts';
import type { Optimizer, OptimizerRound, ParamGroup } from '../../core/optim/index.ts';
import type { GroupSurroundings } from '../../core/optim/optimizer.ts';
import type { NamedParameter } from '../../core/parameters.ts';
import type { RunPlan } from '../../core/runPlan.ts';
import { isMetricScheduler, lrFactors, type Scheduler } from '../../core/schedulers/scheduler.ts';
import type { OptimizerGroupView } from '../../core/trainerContext.ts';
import type { NamedTensor } from '../../checkpoint/tensorData.ts';
import { ParameterArena } from '../../engine/arena/parameterArena.ts';
import { didYouMean, UsageError } from '../../errors.ts';

/** What rounds take from the trainer and the module. */
export interface RoundSettings {
  /** Whether the module itself decides when gradients are computed and used. */
  readonly manual: boolean;
  readonly gradientClipVal: number | null;
  readonly gradientClipAlgorithm: 'norm' | 'value';
  readonly surroundings: GroupSurroundings;
  /** The rate of the coming update for a group whose scheduled rate is `lr`. */
  readonly adjustRate?: ((group: OptimizerGroupView) => number) | undefined;
}

/** Tensors for a checkpoint; those marked `lent` stay as they are until `release` is called. */
export interface LentTensors {
  readonly tensors: readonly NamedTensor[];
  readonly release: () => void;
}

/** One optimizer bound to its parameters. */
export class BoundRound {
  readonly name: string;
  /** Rate of the first group instead of its own; null: as the optimizer was made. */
  lrOverride: number | null = null;
  arena: ParameterArena;
  readonly optimizer: Optimizer;
  readonly #scheduler: Scheduler | undefined;
  readonly #clip: ClipConfig | null;
  readonly #clips: boolean;
  readonly #plan: RunPlan;
  readonly #every: number;
  readonly #manual: boolean;
  readonly #settings: RoundSettings;
  #factors: readonly number[] = [];
  #constant: readonly number[] = [];
  /** Null: not known yet, computed when asked for. */
  #norm: number | null = null;
  #stepped = false;
  #clippedByNorm = false;

  constructor(
    { name, optimizer, scheduler, clip, every = 1 }: OptimizerRound,
    parameters: readonly NamedParameter[],
    plan: RunPlan,
    settings: RoundSettings,
  ) {
    this.name = name;
    this.optimizer = optimizer;
    this.#scheduler = scheduler;
    this.#clip = clip ?? clipFrom(settings);
    this.#plan = plan;
    this.#every = every;
    this.#manual = settings.manual;
    this.#settings = settings;
    this.arena = new ParameterArena(parameters, { spares: optimizer.spares });
    optimizer.bind(this.arena, settings.surroundings);
    this.#clips = this.#clip !== null || optimizer.groups.some((group) => group.clip !== undefined);
  }

  /** The metric that its schedule follows. */
  get monitor(): string | null {
    const scheduler = this.#scheduler;
    return scheduler !== undefined && isMetricScheduler(scheduler) ? scheduler.monitor : null;
  }

  /** Whether it takes part in the update after this many. */
  hasTurn(updates: number): boolean {
    return (updates + 1) % this.#every === 0;
  }

  /** Lets the update pass without it. */
  sitOut(): void {
    this.#stepped = false;
  }

  /** Norm of the newest update's gradients before clipping; null when it had no part in it. */
  get gradientNorm(): number | null {
    if (!this.#stepped) return null;
    return (this.#norm ??= gradientNorm(this.arena));
  }

  /** Whether the newest update was clipped by its norm; null when none ever is. */
  get clipped(): boolean | null {
    if (!clipsByNorm(this.optimizer, this.#clip)) return null;
    return this.#stepped && this.#clippedByNorm;
  }

  /** Adds the gradients of a batch to its group; `size` is their weight. */
  accumulate(size: number): void {
    if (this.#plan.accumulate > 1) this.arena.accumulate(size);
  }

  /** Makes gradients and learning rates of the coming update final, but for clipping. */
  prepare(updates: number, epoch: number): void {
    if (this.arena.accumulatedWeight > 0) this.arena.finishAccumulation();
    this.schedule(updates, epoch);
    this.#norm = null;
    this.#stepped = true;
  }

  /** Trains other parameters from now on; must not be called inside an accumulation group. */
  rebind(parameters: readonly NamedParameter[], surroundings: GroupSurroundings): void {
    const before = this.arena;
    this.arena = new ParameterArena(parameters, { spares: this.optimizer.spares });
    this.optimizer.rebind(this.arena, surroundings);
    before.dispose();
    this.#stepped = false;
  }

  /** Sets the learning rates of the coming update. */
  schedule(updates: number, epoch: number): void {
    const { adjustRate } = this.#settings;
    const { lrOverride, optimizer } = this;
    if (this.#scheduler === undefined && adjustRate === undefined && lrOverride === null) {
      // Most runs; nothing to compute or to allocate in each update.
      this.#factors = this.#ones(optimizer.groups.length);
      for (const group of optimizer.groups) group.currentLr = group.lr;
      return;
    }
    const factors = this.#currentFactors(updates, epoch);
    const scale = lrOverride === null ? 1 : lrOverride / (optimizer.groups[0].lr || 1);
    this.#factors = factors.map((scheduled, index) => {
      const group = optimizer.groups[index];
      const factor = scheduled * scale;
      if (adjustRate === undefined || group.lr === 0) return factor;
      return adjustRate({ ...this.#view(group), lr: group.lr * factor }) / group.lr;
    });
    this.optimizer.groups.forEach((group, index) => {
      group.currentLr = group.lr * this.#factors[index];
    });
  }

  /** Clips and updates the weights. */
  step(): void {
    if (this.#clips) {
      const { norm, byNorm } = clipOptimizer(this.optimizer, this.#clip);
      this.#norm = norm;
      this.#clippedByNorm = byNorm;
    }
    this.optimizer.step(this.#factors);
  }

  groups(): OptimizerGroupView[] {
    return this.optimizer.groups.map((group) => this.#view(group));
  }

  #view({ name, currentLr, weightDecay }: ParamGroup): OptimizerGroupView {
    const { options } = this.optimizer;
    const momentum = 'momentum' in options ? Number(options.momentum) : undefined;
    return {
      optimizer: this.name === 'default' ? this.optimizer.name : this.name,
      group: name,
      lr: currentLr,
      weightDecay,
      ...(momentum !== undefined && { momentum }),
    };
  }

  /** Training metrics are final at the end of an epoch, all others after a validation. */
  observe(
    metrics: ReadonlyMap<string, LatestMetric>,
    step: number,
    after: 'epoch' | 'validation',
  ): void {
    const scheduler = this.#scheduler;
    if (scheduler === undefined || !isMetricScheduler(scheduler)) return;
    if (isTrainingMetric(scheduler.monitor) !== (after === 'epoch')) return;
    const latest = metrics.get(scheduler.monitor);
    if (latest === undefined) throw unknownMonitor(scheduler, metrics);
    if (latest.step === step) scheduler.observe(latest.value);
  }

  stateDict(): JsonObject {
    return {
      optimizer: this.optimizer.stateDict(),
      scheduler: statefulPart(this.#scheduler)?.stateDict() ?? null,
      accumulatedWeight: this.arena.accumulatedWeight,
      ...(this.lrOverride !== null && { lrOverride: { lr: this.lrOverride, insteadOf: this.#lr } }),
    };
  }

  /** Shares memory with the optimizer; see `LentTensors`. */
  lendTensors(): LentTensors {
    const { arena, optimizer, name } = this;
    const release = optimizer.lendState();
    const { buffer } = arena.kernels.memory;
    const shapes = new Map(arena.segments.map((segment) => [segment.name, segment.shape]));
    const tensors: NamedTensor[] = Object.entries(optimizer.stateTensors()).map(([key, data]) => ({
      name: `optim/${name}/${key}`,
      shape: shapes.get(key.slice(key.indexOf('/') + 1)) ?? [data.length],
      data,
      // Not what is parked, which is in no arena.
      ...(release !== null && data.buffer === buffer && { lent: true }),
    }));
    if (arena.accumulatedWeight > 0) {
      for (const segment of arena.segments) {
        const data = arena.part(arena.accumulation, segment);
        tensors.push({ name: `grad/${name}/${segment.name}`, shape: segment.shape, data });
      }
    }
    return { tensors, release: release ?? (() => undefined) };
  }

  /** @returns what became of it that the user should know, as lines of text */
  loadState(state: JsonObject, tensors: ReadonlyMap<string, NamedTensor>): string[] {
    const { arena, optimizer, name } = this;
    optimizer.loadStateDict(state.optimizer as JsonObject);
    optimizer.loadStateTensors(withoutPrefix(tensors, `optim/${name}/`));
    const notices = this.#loadOverride(state.lrOverride);
    if (state.scheduler !== null) {
      statefulPart(this.#scheduler)?.loadStateDict(state.scheduler as JsonObject);
    }
    const weight = Number(state.accumulatedWeight);
    if (weight === 0) return notices;
    if (this.#plan.accumulate === 1 && !this.#manual) throw accumulationChanged();
    const gradients = withoutPrefix(tensors, `grad/${name}/`);
    for (const segment of arena.segments) {
      arena.part(arena.accumulation, segment).set(gradients[segment.name]);
    }
    arena.accumulatedWeight = weight;
    return notices;
  }

  /** The learning rate that the module gave its first group. */
  get #lr(): number {
    return this.optimizer.groups[0].lr;
  }

  /** An override lasts until the learning rate is changed where it comes from. */
  #loadOverride(saved: Json | undefined): string[] {
    if (!isPlainObject(saved)) return [];
    const [lr, insteadOf] = [Number(saved.lr), Number(saved.insteadOf)];
    if (insteadOf === this.#lr) {
      this.lrOverride = lr;
      return [];
    }
    const name = this.name === 'default' ? '' : ` of ${this.name}`;
    return [
      `The learning rate${name} was changed from ${String(insteadOf)} to ${String(this.#lr)}, ` +
        `which ends the override of ${String(lr)}.`,
    ];
  }

  #ones(length: number): readonly number[] {
    if (this.#constant.length !== length) this.#constant = new Array<number>(length).fill(1);
    return this.#constant;
  }

  #currentFactors(updates: number, epoch: number): readonly number[] {
    const scheduler = this.#scheduler;
    const perEpoch = scheduler?.interval === 'epoch';
    const position = perEpoch ? epoch : updates;
    // Without a horizon only schedules that need none give a number.
    const total = (perEpoch ? this.#plan.totalEpochs : this.#plan.totalUpdates) ?? Number.NaN;
    const factors = lrFactors(scheduler, this.optimizer, position, total);
    if (factors.some(Number.isNaN)) throw noHorizon(scheduler);
    return factors;
  }
}

function clipFrom({ gradientClipVal, gradientClipAlgorithm }: RoundSettings): ClipConfig | null {
  return gradientClipVal === null ? null : { [gradientClipAlgorithm]: gradientClipVal };
}

interface Stateful {
  stateDict(): JsonObject;
  loadStateDict(state: JsonObject): void;
}

function statefulPart(scheduler: Scheduler | undefined): Stateful | null {
  return scheduler !== undefined && 'stateDict' in scheduler
    ? (scheduler as unknown as Stateful)
    : null;
}

function withoutPrefix(
  tensors: ReadonlyMap<string, NamedTensor>,
  prefix: string,
): Record<string, Float32Array> {
  return Object.fromEntries(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { data }]) => [name.slice(prefix.length), data as Float32Array]),
  );
}

function noHorizon(scheduler: Scheduler | undefined): UsageError {
  return new UsageError(
    'ERR_SCHEDULER_HORIZON',
    `The schedule "${scheduler?.name ?? ''}" is stretched over the whole run, whose length is not known. Set max_epochs or max_steps.`,
  );
}

function accumulationChanged(): UsageError {
  return new UsageError(
    'ERR_RESUME_ACCUMULATION',
    'The checkpoint was saved inside an accumulation group, and accumulate_grad_batches is 1 now. Set it back.',
  );
}

function unknownMonitor(
  { name, monitor }: { name: string; monitor: string },
  metrics: ReadonlyMap<string, LatestMetric>,
): UsageError {
  const known = [...metrics.keys()];
  return new UsageError(
    'ERR_MONITOR',
    `Schedule "${name}": metric "${monitor}" was not logged (logged: ${known.join(', ')}).${didYouMean(monitor, known)}`,
  );
}
