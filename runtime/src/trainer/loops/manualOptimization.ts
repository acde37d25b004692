import type * as tf from '@tensorflow/tfjs-core';
import type { HookName } from '../../core/hooks.ts';
import type { ManualOptimizer } from '../../core/optim/index.ts';
import { computeGradients } from '../../engine/gradients.ts';
import { UsageError } from '../../errors.ts';
import type { Run } from '../run.ts';
import type { BoundRound } from './boundRound.ts';
import { detectAnomaly } from './detectAnomaly.ts';
import { checkedLoss } from './losses.ts';

/** The batch that a module with manual optimization is at. */
interface ManualBatch {
  readonly index: number;
  /** Samples: the weight of its gradients. */
  readonly size: number;
  /** False inside a group of accumulate_grad_batches. */
  readonly completesUpdate: boolean;
}

/** The optimizers of a fit, lent to a module that calls backward and step itself. */
export class ManualOptimization {
  readonly optimizers: readonly LentOptimizer[];

  constructor(run: Run, rounds: readonly BoundRound[]) {
    this.optimizers = rounds.map((round) => new LentOptimizer(run, round));
  }

  begin(batch: ManualBatch): void {
    for (const optimizer of this.optimizers) optimizer.begin(batch);
  }

  end(): ManualOutcome {
    const stepped = this.optimizers.map((optimizer) => optimizer.end());
    return {
      updated: stepped.includes(true),
      leftOut: this.optimizers.some(({ leftOut }) => leftOut),
    };
  }
}

interface ManualOutcome {
  /** Whether any optimizer stepped: one update, however many did and how often. */
  readonly updated: boolean;
  /** Whether gradients of this batch were left out (`on_nan: skip`). */
  readonly leftOut: boolean;
}

class LentOptimizer implements ManualOptimizer {
  readonly #run: Run;
  readonly #round: BoundRound;
  #batch: ManualBatch | null = null;
  /** Whether `arena.grads` holds gradients that are not in the accumulation. */
  #fresh = false;
  /** Whether this batch's samples are in the accumulation's weight. */
  #counted = false;
  #stepped = false;
  /** Whether gradients of this batch were not finite and are gone. */
  #leftOut = false;

  constructor(run: Run, round: BoundRound) {
    this.#run = run;
    this.#round = round;
  }

  get name(): string {
    return this.#round.name;
  }

  get leftOut(): boolean {
    return this.#leftOut;
  }

  get lr(): number {
    this.#round.schedule(this.#run.globalStep, this.#run.currentEpoch);
    return this.#round.optimizer.groups[0].currentLr;
  }

  begin(batch: ManualBatch): void {
    this.#batch = batch;
    this.#counted = false;
    this.#stepped = false;
    this.#leftOut = false;
  }

  backward(loss: () => tf.Scalar): tf.Scalar {
    const { index } = this.#current('backward');
    const run = this.#run;
    if (this.#fresh) this.#fold();
    run.nanGuard.before();
    const gradients = (): tf.Scalar =>
      computeGradients(() => checkedLoss(loss(), run.module), this.#round.arena);
    const kept = run.options.detectAnomaly ? detectAnomaly(gradients) : gradients();
    // A copy belongs to the scope of the step, so nobody has to dispose it.
    const result: tf.Scalar = kept.clone();
    kept.dispose();
    const step = { round: this.#round, loss: result.dataSync()[0], batch: null, index };
    if (run.nanGuard.needsLook(step.loss) && run.nanGuard.accepts(step) === false) {
      this.#leftOut = true;
      return result;
    }
    this.#fresh = true;
    requireSync(run.hooks.call('onAfterBackward', this.name), 'onAfterBackward');
    return result;
  }

  step(): boolean {
    const { completesUpdate } = this.#current('step');
    const { arena } = this.#round;
    if (!this.#fresh && arena.accumulatedWeight === 0) {
      if (this.#leftOut) return false;
      throw noGradients(this.name);
    }
    if (!completesUpdate) return false;
    if (this.#fresh && arena.accumulatedWeight > 0) this.#fold();
    const run = this.#run;
    this.#round.prepare(run.globalStep, run.currentEpoch);
    requireSync(run.hooks.call('onBeforeOptimizerStep', this.name), 'onBeforeOptimizerStep');
    this.#round.step();
    this.#fresh = false;
    this.#counted = false;
    this.#stepped = true;
    return true;
  }

  zeroGrad(): void {
    const { arena } = this.#round;
    this.#fresh = false;
    this.#counted = false;
    arena.accumulation.fill(0);
    arena.accumulatedWeight = 0;
  }

  /** Puts gradients that are left over where checkpoints look for them. */
  end(): boolean {
    if (this.#fresh) this.#fold();
    this.#batch = null;
    if (!this.#stepped) this.#round.sitOut();
    return this.#stepped;
  }

  #fold(): void {
    const { arena } = this.#round;
    const { size } = this.#current('backward');
    arena.accumulate(size);
    // Losses of one batch add up; only batches are averaged.
    if (this.#counted) arena.accumulatedWeight -= size;
    this.#counted = true;
    this.#fresh = false;
  }

  #current(method: string): ManualBatch {
    if (this.#batch !== null) return this.#batch;
    throw new UsageError(
      'ERR_MANUAL_OPTIMIZATION',
      `Optimizer "${this.name}": ${method}() was called outside trainingStep.`,
    );
  }
}

function requireSync(result: unknown, hook: HookName): void {
  if (!(result instanceof Promise)) return;
  throw new UsageError(
    'ERR_HOOK_ASYNC',
    `${hook} returned a promise. With manual optimization it is called inside trainingStep, which is synchronous: remove async.`,
  );
}

function noGradients(name: string): UsageError {
  return new UsageError(
    'ERR_MANUAL_STEP',
    `Optimizer "${name}": step() without gradients. Call backward(() => loss) first.`,
  );
}
