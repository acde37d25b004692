import { LightboxError, UsageError } from '../../errors.ts';
import type { Run } from '../run.ts';
import { dumpStep } from '../stepDump.ts';
import type { BoundRound } from './boundRound.ts';
import { KeptBuffers } from './keptBuffers.ts';
import { notFinite } from './losses.ts';

/** Batches in a row that are left out before training ends after all. */
const mostInARow = 50;

/** A step whose loss and gradients were just computed. */
export interface ComputedStep {
  readonly round: BoundRound;
  readonly loss: number;
  readonly batch: unknown;
  readonly index: number;
}

/**
 * Looks at losses (and gradients) and does what `on_nan` says about those that are not finite.
 * A batch that is left out changes nothing: not the weights, not the moving statistics, not the
 * means of what was logged.
 */
export class NanGuard {
  readonly #run: Run;
  #inARow = 0;
  readonly #buffers: KeptBuffers;

  constructor(run: Run) {
    this.#run = run;
    this.#buffers = new KeptBuffers(run.module);
  }

  /** To be called before a step: keeps what a bad one may spoil. */
  before(): void {
    const { options } = this.#run;
    if (options.terminateOnNan && options.onNan !== 'raise') this.#buffers.keep();
  }

  /** Whether `accepts` must be asked: most steps need not wait for it. */
  needsLook(loss: number): boolean {
    const { terminateOnNan, nanCheck } = this.#run.options;
    if (terminateOnNan && (!Number.isFinite(loss) || nanCheck === 'gradients')) return true;
    this.#inARow = 0;
    return false;
  }

  /**
   * Whether the step counts; a promise, which rejects, only with `on_nan: dump`.
   * @throws UsageError ERR_LOSS_NOT_FINITE where the run ends
   */
  accepts(step: ComputedStep): boolean | Promise<never> {
    const { options } = this.#run;
    const problem = options.terminateOnNan ? this.#problemOf(step) : null;
    if (problem === null) {
      this.#inARow = 0;
      return true;
    }
    this.#buffers.restore();
    if (options.onNan === 'skip') {
      this.#leaveOut(step, problem);
      return false;
    }
    const error = notFinite(this.#run, problem, step.index);
    if (options.onNan === 'raise' || !this.#run.keeps) throw error;
    return this.#dump(step, error);
  }

  /** To be called after a batch, however it went. */
  after(): void {
    this.#buffers.drop();
  }

  #problemOf({ loss, round: { arena } }: ComputedStep): string | null {
    if (!Number.isFinite(loss)) return `loss is ${String(loss)}`;
    if (this.#run.options.nanCheck === 'loss') return null;
    const finite = (part: Float32Array): boolean => arena.kernels.allFinite(part);
    if (finite(arena.grads)) return null;
    const bad = arena.segments.find((segment) => !finite(arena.part(arena.grads, segment)));
    return `gradient of ${bad?.name ?? 'a parameter'} is not finite`;
  }

  #leaveOut({ index }: ComputedStep, problem: string): void {
    const { store, terminal, globalStep } = this.#run;
    store.discardPending();
    this.#inARow++;
    const place = `update ${String(globalStep + 1)}, batch ${String(index)}`;
    if (this.#inARow > mostInARow) {
      throw new UsageError(
        'ERR_LOSS_NOT_FINITE',
        `The training ${problem} (${place}), after ${String(mostInARow)} batches in a row that were left ` +
          'out for that: the weights themselves must be broken. Lower the learning rate, or set gradient_clip_val.',
      );
    }
    terminal.line(`Left out ${place}: the training ${problem}.`);
  }

  async #dump(step: ComputedStep, error: UsageError): Promise<never> {
    const path = await dumpStep(this.#run, step);
    throw new LightboxError(
      error.code,
      `${error.message} The step is in ${path}: the command replay-dump (in code ` +
        'replayDump(path, module)) computes it again and names the first operation that made a NaN.',
    );
  }
}
