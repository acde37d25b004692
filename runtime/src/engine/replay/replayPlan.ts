import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../onnx/value.ts';
import type { OrtBackend } from '../ort/backend.ts';
import { endName, type NativeTensor } from '../ort/binding.ts';
import { inputName, outputName } from '../ort/compile.ts';
import { allocate, type NumericType, type Values } from '../ort/entry.ts';
import type { Rng } from '../../random/index.ts';
import type { Port, Scalar, Source, Template } from './template.ts';

/** What a replayed step gives: its loss, and its logged values by tag in their order. */
export interface ReplayedStep {
  readonly loss: number;
  readonly scalars: readonly ReplayedValue[];
}

/** A logged value: its first element, and all of them, which the next replay overwrites. */
export interface ReplayedValue {
  readonly tag: string;
  readonly value: number;
  readonly values: ArrayLike<number>;
}

interface Changing {
  readonly type: NumericType;
  readonly dims: readonly number[];
  readonly location: 'cpu';
  data: Values;
}

/** A template with everything that stays the same from step to step made ready. */
export class ReplayPlan {
  readonly #template: Template;
  readonly #inputs: Changing[];
  readonly #outputs: Changing[];
  readonly #feeds: Record<string, NativeTensor> = {};
  readonly #fetches: Record<string, NativeTensor | null> = { [endName]: null };
  readonly #seeds: number[];

  constructor(template: Template) {
    this.#template = template;
    const { inputs, outputs } = template;
    this.#inputs = inputs.map(({ port, source }) => native(port, firstValues(source)));
    this.#outputs = outputs.map(({ port, into }) => native(port, into));
    this.#inputs.forEach((tensor, index) => (this.#feeds[inputName(index)] = tensor));
    this.#outputs.forEach((tensor, index) => (this.#fetches[outputName(index)] = tensor));
    this.#seeds = new Array<number>(template.draws).fill(0);
  }

  /** Runs the step on a batch; null when it must be recorded instead. */
  run(
    backend: OrtBackend,
    batch: readonly tf.Tensor[],
    random: Pick<Rng, 'uniform'>,
  ): ReplayedStep | null {
    const { key, inputs, assigned, copies, untouched, loss, scalars } = this.#template;
    if (!backend.hasSession(key) || inputs.some(({ source }) => isGone(source))) return null;
    backend.flush();
    for (let index = 0; index < this.#seeds.length; index++) this.#seeds[index] = random.uniform();
    for (let index = 0; index < inputs.length; index++) {
      const { source } = inputs[index];
      const tensor = this.#inputs[index];
      if (source.kind === 'batch') tensor.data = backend.values(batch[source.index].dataId);
      else if (source.kind === 'variable') tensor.data = backend.values(source.variable.dataId);
      else if (source.kind === 'random') tensor.data = source.make(this.#seeds[source.draw]);
    }
    for (const { output } of assigned) this.#outputs[output].data = newLike(this.#outputs[output]);
    backend.rerun(key, this.#feeds, this.#fetches);
    for (const part of untouched) part.fill(0);
    for (const { output, into } of copies) into.set(this.#outputs[output].data);
    for (const { variable, output } of assigned) assign(variable, this.#outputs[output].data);
    const read = (item: Scalar): ReplayedValue => this.#read(item, backend, batch);
    return { loss: this.#outputs[loss].data[0], scalars: scalars.map(read) };
  }

  #read(scalar: Scalar, backend: OrtBackend, batch: readonly tf.Tensor[]): ReplayedValue {
    const { tag } = scalar;
    if ('value' in scalar) return { tag, value: scalar.value, values: [scalar.value] };
    const values =
      'output' in scalar
        ? this.#outputs[scalar.output].data
        : backend.values(batch[scalar.batch].dataId);
    return { tag, value: values[0], values };
  }
}

function isGone(source: Source): boolean {
  return source.kind === 'held' && (source.entry.gone || source.entry.values === null);
}

function firstValues(source: Source): Values | null {
  if (source.kind === 'constant') return source.values;
  return source.kind === 'held' ? source.entry.values : null;
}

function native({ dtype, shape }: Port, values: Values | null): Changing {
  return { type: dtype, data: values ?? allocate(dtype, 0), dims: shape, location: 'cpu' };
}

function newLike({ type, dims }: Changing): Values {
  return allocate(type, sizeOf(dims));
}

function assign(variable: tf.Variable, values: Values): void {
  const value = tf.tensor(values, variable.shape, variable.dtype);
  variable.assign(value);
  value.dispose();
}
