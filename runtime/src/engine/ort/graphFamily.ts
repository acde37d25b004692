import type { Initializer, Model } from '../onnx/model.ts';
import { parametersFor, withoutShapes, type ShapeFreeGraph } from '../onnx/shapeFree.ts';
import type { NativeTensor } from './binding.ts';

type Constants = Readonly<Record<string, NativeTensor>>;

/** A graph that was seen with several shapes is made shapeless at most as often as this. */
const MOST_SAMPLES = 4;

/**
 * Graphs that differ in nothing but shapes. The first has a session for itself; with the second
 * comes one for all, whose constants that depend on the shapes are inputs.
 */
export class GraphFamily<T extends { gone: boolean }> {
  readonly #samples: Model[] = [];
  #common: { readonly graph: ShapeFreeGraph; compiled: T } | null = null;

  /** How to run the graph of a model: with a session of its own, or the common one. */
  bind(model: Model, compile: (model: Model) => T): { compiled: T; constants: Constants | null } {
    const known = this.#known(model, compile);
    if (known !== null) return known;
    if (this.#samples.length >= MOST_SAMPLES) return { compiled: compile(model), constants: null };
    this.#samples.push(model);
    const graph = this.#samples.length === 1 ? null : withoutShapes(this.#samples);
    if (graph === null) return { compiled: compile(model), constants: null };
    this.#common = { graph, compiled: compile(graph.model) };
    return this.#known(model, compile) ?? { compiled: compile(model), constants: null };
  }

  #known(model: Model, compile: (model: Model) => T): { compiled: T; constants: Constants } | null {
    if (this.#common === null) return null;
    const { graph } = this.#common;
    const values = parametersFor(graph, model);
    if (values === null) return null;
    if (this.#common.compiled.gone) this.#common.compiled = compile(graph.model);
    const constants = Object.fromEntries([...values].map(([name, item]) => [name, tensor(item)]));
    return { compiled: this.#common.compiled, constants };
  }
}

function tensor({ type, shape, bytes }: Initializer): NativeTensor {
  const { buffer, byteOffset, byteLength } = bytes.slice();
  switch (type) {
    case 'int64':
      return native(type, shape, new BigInt64Array(buffer, byteOffset, byteLength / 8));
    case 'float32':
      return native(type, shape, new Float32Array(buffer, byteOffset, byteLength / 4));
    case 'float64':
      return native(type, shape, new Float64Array(buffer, byteOffset, byteLength / 8));
    case 'int32':
      return native(type, shape, new Int32Array(buffer, byteOffset, byteLength / 4));
    case 'bool':
    case 'uint8':
      return native(type, shape, new Uint8Array(buffer));
    case 'bfloat16':
      throw new Error('No graph computes with bfloat16.');
  }
}

function native(
  type: NativeTensor['type'],
  dims: readonly number[],
  data: NativeTensor['data'],
): NativeTensor {
  return { type, data, dims, location: 'cpu' };
}
