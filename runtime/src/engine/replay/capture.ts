import type * as tf from '@tensorflow/tfjs-core';
import type { Entry, Values } from '../ort/entry.ts';
import type { Plan } from '../ort/plan.ts';
import type { Rng } from '../../random/index.ts';
import { sourceLine } from './sourceLine.ts';

/** A tensor that JavaScript filled while the step was recorded. */
export interface HostWrite {
  /** Which draw of `Math.random` came right before it, if one did. */
  readonly draw: number | null;
  /** Made where it was written; its stack is formatted only when somebody asks. */
  readonly trace: Error;
}

/** A gradient and the place in the arena where its values went. */
export interface GradientRequest {
  readonly tensor: tf.Tensor;
  readonly into: Float32Array;
}

/** What the back end tells while a step is recorded. */
export interface RunObserver {
  wrote(entry: Entry): void;
  /** A graph ran; `results` are in the order of the plan's outputs. */
  ran(plan: Plan, results: readonly Values[]): void;
  read(): void;
  fellBack(kernel: string): void;
  materialized(requests: readonly GradientRequest[]): void;
}

/** Everything that one recorded step did on the back end. */
export class Capture implements RunObserver {
  readonly writes = new Map<Entry, HostWrite>();
  readonly draws: number[] = [];
  readonly runs: { readonly plan: Plan; readonly results: readonly Values[] }[] = [];
  readonly gradients: GradientRequest[] = [];
  /** Why this step cannot be replayed, as soon as one reason is known. */
  obstacle: string | null = null;
  #usedDraws = 0;

  /** The generator to lend to the step: as `random`, but every draw is noted. */
  watch(random: Pick<Rng, 'uniform'>): Pick<Rng, 'uniform'> {
    return {
      uniform: () => {
        const value = random.uniform();
        this.draws.push(value);
        return value;
      },
    };
  }

  wrote(entry: Entry): void {
    const count = this.draws.length;
    const draw = count > this.#usedDraws ? count - 1 : null;
    if (count > this.#usedDraws + 1) {
      this.#refuse('it draws random numbers itself');
    }
    this.#usedDraws = count;
    this.writes.set(entry, { draw, trace: new Error() });
  }

  ran(plan: Plan, results: readonly Values[]): void {
    this.runs.push({ plan, results });
    if (this.runs.length > 1) this.#refuse('it needs values in the middle');
  }

  read(): void {
    this.#refuse('it reads a tensor (dataSync, arraySync, print)');
  }

  fellBack(kernel: string): void {
    this.#refuse(`kernel ${kernel} has no ONNX form for its inputs`);
  }

  materialized(requests: readonly GradientRequest[]): void {
    this.gradients.push(...requests);
  }

  /** To be called when the step is over. */
  finish(): void {
    if (this.draws.length > this.#usedDraws) this.#refuse('it draws random numbers itself');
    if (this.runs.length === 0) this.#refuse('it computes nothing');
  }

  #refuse(what: string): void {
    this.obstacle ??= `${what}${sourceLine(new Error())}`;
  }
}
