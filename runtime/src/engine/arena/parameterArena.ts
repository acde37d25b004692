import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../errors.ts';
import { adoptView, holdsView, isOrt, prepareInPlaceWrite } from '../storage.ts';
import { Kernels } from '../wasm/kernels.ts';
import { axpy, copy, fill, scale } from '../wasm/vectorRules.ts';
import { webAssembly } from '../wasm/webAssembly.ts';
import { fits, layOut, pagesFor, type ArenaSegment } from './layout.ts';
import { StateVectors } from './stateVectors.ts';

/** A float32 variable under its stable name. */
export interface ArenaParameter {
  readonly name: string;
  readonly variable: tf.Variable;
}

export interface ArenaOptions {
  /** Optimizer state vectors to reserve room for; default 4. Unused ones cost no memory. */
  readonly slots?: number;
  /**
   * How many of them can be lent, see `StateVectors`; default 0. Each takes its room a second time;
   * where that is more than an arena can have, none can be lent.
   */
  readonly spares?: number;
}

/**
 * The parameters that one optimizer trains, as flat vectors in one WebAssembly memory: values,
 * gradients, accumulated gradients and optimizer state, all with the same layout.
 *
 * On the `ort` back end `values` is the storage of the variables themselves. On the others it is
 * a copy, given back by `endWrite`. The memory is allocated at its final size, since growing it
 * would detach every view; layers that are built later need an arena of their own.
 */
export class ParameterArena {
  readonly kernels: Kernels;
  /** Flat values; padding between segments is zero. Write only between beginWrite and endWrite. */
  readonly values: Float32Array;
  /** Flat gradients, filled by `computeGradients`. */
  readonly grads: Float32Array;
  readonly segments: readonly ArenaSegment[];
  readonly variables: readonly tf.Variable[];
  /** Sum of weight * gradients since the last `finishAccumulation`. */
  readonly accumulation: Float32Array;
  /** Sum of the weights in `accumulation`; set it when the vector is loaded from a checkpoint. */
  accumulatedWeight = 0;
  /** The optimizer's state. */
  readonly state: StateVectors;
  readonly #known: object[];

  /**
   * @throws UsageError ERR_ARENA_EMPTY without parameters, ERR_ARENA_PARAMETER for one that is not
   * float32 or whose name comes twice, ERR_ARENA_TOO_LARGE beyond 4 GB
   */
  constructor(parameters: readonly ArenaParameter[], options: ArenaOptions = {}) {
    check(parameters);
    this.variables = parameters.map(({ variable }) => variable);
    const { segments, length } = layOut(
      parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    );
    this.segments = segments;
    const { slots: limit = 4, spares: wanted = 0 } = options;
    const spares = fits(length, 3 + limit + wanted) ? wanted : 0;
    const pages = pagesFor(length, 3 + limit + spares);
    this.kernels = new Kernels(new webAssembly.Memory({ initial: pages, maximum: pages }));
    const { buffer } = this.kernels.memory;
    const vectors: Float32Array[] = [];
    const at = (index: number): Float32Array =>
      (vectors[index] ??= new Float32Array(buffer, index * length * 4, length));
    this.values = at(0);
    this.grads = at(1);
    this.accumulation = at(2);
    this.state = new StateVectors({ at: (place) => at(3 + place), limit, spares });
    this.#known = this.variables.map(() => ({}));
    this.refresh();
  }

  /**
   * The state vector of this name, zeros when first asked for; same layout as `values`.
   * @throws LightboxError ERR_ARENA_SLOTS beyond the reserved number
   */
  slot(name: string): Float32Array {
    return this.state.current(name);
  }

  /** The part of a flat vector that belongs to one segment. */
  part(vector: Float32Array, { offset, length }: ArenaSegment): Float32Array {
    return vector.subarray(offset, offset + length);
  }

  /** Takes over variables whose values were replaced (`assign`, `setWeights`, loaded weights). */
  refresh(): void {
    this.segments.forEach((segment, index) => {
      const variable = this.variables[index];
      if (variable.dataId === this.#known[index]) return;
      adoptView(variable, this.part(this.values, segment));
      this.#known[index] = variable.dataId;
    });
  }

  /**
   * To be called before `values` is written: replaced variables are taken over, pending graphs that
   * read the old values are evaluated, and tensors that share them get a copy.
   */
  beginWrite(): void {
    this.refresh();
    prepareInPlaceWrite(this.variables);
    this.#remember();
  }

  /** To be called after `values` was written: makes the variables show what was written. */
  endWrite(): void {
    if (isOrt()) return;
    this.segments.forEach((segment, index) => {
      const values = this.part(this.values, segment).slice();
      tf.tidy(() => {
        this.variables[index].assign(tf.tensor(values, [...segment.shape], 'float32'));
      });
    });
    this.#remember();
  }

  /** Adds `weight` * gradients to the accumulation; the weight is usually the sample count. */
  accumulate(weight: number): void {
    if (this.accumulatedWeight === 0) {
      this.kernels.run(copy, { to: this.accumulation, from: this.grads }, {});
      this.kernels.run(scale, { x: this.accumulation }, { factor: weight });
    } else {
      this.kernels.run(axpy, { sum: this.accumulation, x: this.grads }, { factor: weight });
    }
    this.accumulatedWeight += weight;
  }

  /** Puts accumulation / `totalWeight` (default: the weights added) into `grads`; starts anew. */
  finishAccumulation(totalWeight = this.accumulatedWeight): void {
    this.kernels.run(copy, { to: this.grads, from: this.accumulation }, {});
    this.kernels.run(scale, { x: this.grads }, { factor: 1 / totalWeight });
    this.kernels.run(fill, { x: this.accumulation }, { value: 0 });
    this.accumulatedWeight = 0;
  }

  /** Gives the variables storage of their own, so that the memory can be collected. */
  dispose(): void {
    this.segments.forEach((segment, index) => {
      const variable = this.variables[index];
      const view = this.part(this.values, segment);
      if (variable.isDisposed || !holdsView(variable, view)) return;
      tf.tidy(() => {
        variable.assign(tf.tensor(view.slice(), [...segment.shape], 'float32'));
      });
    });
  }

  #remember(): void {
    this.variables.forEach((variable, index) => {
      this.#known[index] = variable.dataId;
    });
  }
}

function check(parameters: readonly ArenaParameter[]): void {
  if (parameters.length === 0) {
    throw new UsageError(
      'ERR_ARENA_EMPTY',
      'The optimizer has no trainable parameters. Weights are found in fields of the module that ' +
        'hold tf.variable(...), layers, models or modules (in #private ones they cannot be seen); are they all frozen?',
    );
  }
  const names = new Set<string>();
  for (const { name, variable } of parameters) {
    if (variable.dtype !== 'float32') {
      throw new UsageError(
        'ERR_ARENA_PARAMETER',
        `Parameter "${name}": expected float32, got ${variable.dtype}. Make it not trainable.`,
      );
    }
    if (names.has(name)) {
      throw new UsageError('ERR_ARENA_PARAMETER', `Two parameters have the name "${name}".`);
    }
    names.add(name);
  }
}
