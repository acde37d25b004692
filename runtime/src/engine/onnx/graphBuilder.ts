import { ELEMENT_CODE } from './model.ts';
import type { Attribute, ElementType, Initializer, Model, ModelNode, Port } from './model.ts';
import { broadcastShape, sameShape, Value } from './value.ts';

type Attributes = Readonly<Record<string, Attribute>>;

/** The gradient of a max pool over `x`, which has the value `pooled`. */
export interface PoolGradient {
  readonly x: Value;
  readonly pooled: Value;
  readonly dy: Value;
  /** The same gradient for another gradient of the pooled values. */
  remake(dy: Value): Value;
}

const TO_CHANNELS_FIRST = [0, 3, 1, 2];
const TO_ROWS = [0, 2, 3, 1];
/** ONNX Runtime's own operators on blocks of channels. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

/**
 * Builds one ONNX graph. Equal operations on equal inputs become one node, transposes of
 * transposes are merged, and nodes that no output needs are left out.
 */
export class GraphBuilder {
  /** The relu of a value, where the graph has it. */
  readonly reluOf = new Map<Value, Value>();
  /** For the mask that a relu's gradient is multiplied with: that relu. */
  readonly reluOfMask = new Map<Value, Value>();
  /** For the gradient of a max pool: how to make it again from a masked gradient. */
  readonly poolGradients = new Map<Value, PoolGradient>();
  readonly #nodes: ModelNode[] = [];
  readonly #known = new Map<string, readonly string[]>();
  readonly #producers = new Map<string, ModelNode>();
  readonly #initializers = new Map<string, Initializer>();
  readonly #inputs: Port[] = [];
  #names = 0;
  /** Channels in a block of the processor's blocked layout; 0 where it has none. */
  readonly blockSize: number;

  /** @param blockSize channels in a block, 0 (the default) to do without the blocked layout */
  constructor(blockSize = 0) {
    this.blockSize = blockSize;
  }

  /** Declares a graph input. */
  input(name: string, type: ElementType, shape: readonly number[]): Value {
    this.#inputs.push({ name, type, shape });
    return new Value(type, shape, { rows: name });
  }

  /** Adds a node on graph value names and returns the names of its outputs. */
  raw(
    type: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    options: { outputs?: number; domain?: string } = {},
  ): readonly string[] {
    const { outputs = 1, domain = '' } = options;
    const key = `${domain}.${type}(${inputs.join()})${JSON.stringify(attributes)}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.length >= outputs) return known;
    const names = Array.from({ length: outputs }, () => `v${this.#names++}`);
    const node = { type, domain, inputs, outputs: names, attributes };
    this.#nodes.push(node);
    this.#known.set(key, names);
    for (const name of names) this.#producers.set(name, node);
    return names;
  }

  /** Adds a node with one output in the tensors' own order. */
  op(
    type: string,
    inputs: readonly Value[],
    shape: readonly number[],
    attributes: Attributes = {},
    options: { type?: ElementType; domain?: string } = {},
  ): Value {
    const names = inputs.map((value) => this.rows(value));
    const [rows] = this.raw(type, names, attributes, options);
    return new Value(options.type ?? inputs[0].type, shape, { rows });
  }

  /** The name of the value in the tensor's own order. */
  rows(value: Value): string {
    if (value.rows === undefined) {
      if (value.blocked !== undefined) {
        value.rows = this.#unblocked(value, value.blocked, 1);
      } else if (value.channelsFirst !== undefined) {
        value.rows = this.#transposed(value.channelsFirst, TO_ROWS);
      } else if (value.repeated !== undefined) {
        const inputs = [this.rows(value.repeated), this.ints(value.shape)];
        [value.rows] = this.raw('Expand', inputs);
      } else {
        throw new Error('A graph value without a name.');
      }
    }
    return value.rows;
  }

  /** The name of the rank-4 value as [batch, channels, height, width]. */
  channelsFirst(value: Value): string {
    if (value.channelsFirst === undefined) {
      const [, height, width, channels] = value.shape;
      if (channels === 1 || (height === 1 && width === 1)) {
        value.channelsFirst = this.#reshaped(this.rows(value), imageShape(value));
      } else if (value.rows === undefined && value.blocked !== undefined) {
        value.channelsFirst = this.#unblocked(value, value.blocked, 0);
      } else {
        value.channelsFirst = this.#transposed(this.rows(value), TO_CHANNELS_FIRST);
      }
    }
    return value.channelsFirst;
  }

  /** Whether the value can be had in blocks of channels. */
  canBlock({ type, shape, blocked }: Value): boolean {
    if (blocked !== undefined) return true;
    const fits = this.blockSize > 0 && shape.length === 4 && shape[3] % this.blockSize === 0;
    return fits && type === 'float32';
  }

  /** The name of the value in blocks of channels; see `canBlock`. */
  blocked(value: Value): string {
    value.blocked ??= this.#blocks(value);
    return value.blocked;
  }

  /** The same elements under another shape. */
  reshape(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    const { repeated } = value;
    if (repeated?.size === 1) return this.repeat(this.reshape(repeated, []), shape);
    return new Value(value.type, shape, { rows: this.#reshaped(this.rows(value), shape) });
  }

  /** The elements behind a graph value name, in the order they have there, under a shape. */
  view(name: string, shape: readonly number[], type: ElementType): Value {
    return new Value(type, shape, { rows: this.#reshaped(name, shape) });
  }

  transpose(value: Value, permutation: readonly number[]): Value {
    if (permutation.every((axis, index) => axis === index)) return value;
    const shape = permutation.map((axis) => value.shape[axis]);
    return new Value(value.type, shape, { rows: this.#transposed(this.rows(value), permutation) });
  }

  cast(value: Value, type: ElementType): Value {
    if (value.type === type) return value;
    return this.elementwise('Cast', [value], value.shape, { to: ELEMENT_CODE[type] }, type);
  }

  /**
   * An operation on corresponding elements, with broadcasting. It runs in blocks of channels, or
   * with channels first, when an image operand exists only so and every other operand can follow;
   * and before repeating, when all operands are repeated.
   */
  elementwise(
    type: string,
    operands: readonly Value[],
    shape: readonly number[],
    attributes: Attributes = {},
    resultType: ElementType = operands[0].type,
  ): Value {
    const inputs = operands.map((value) => value.repeated ?? value);
    const small = inputs.map((value) => value.shape).reduce(broadcastShape);
    if (!sameShape(small, shape)) {
      return this.repeat(this.elementwise(type, inputs, small, attributes, resultType), shape);
    }
    const blocks = this.#blockedOperands(inputs, shape);
    if (blocks !== undefined) {
      const [result] = this.raw(type, blocks, attributes);
      const isImage = inputs.every(({ size, shape: own }) => size === 1 || sameShape(own, shape));
      const blocked = isImage ? result : this.#reshaped(result, imageShape({ shape }));
      return new Value(resultType, shape, { blocked });
    }
    const names = this.#channelsFirstOperands(inputs, shape);
    if (names === undefined) return this.op(type, inputs, shape, attributes, { type: resultType });
    const [channelsFirst] = this.raw(type, names, attributes);
    return new Value(resultType, shape, { channelsFirst });
  }

  /** A float32 (or other) scalar that is part of the operation itself. */
  scalar(value: number, type: ElementType = 'float32'): Value {
    return this.constant(type, [], [value]);
  }

  /** A vector of int64: shapes, axes, indices. */
  ints(values: readonly number[]): string {
    return this.rows(this.constant('int64', [values.length], values));
  }

  constant(type: ElementType, shape: readonly number[], values: readonly number[]): Value {
    const key = `${type}[${shape.join()}]${values.map((v) => (Object.is(v, -0) ? '-0' : v)).join()}`;
    const name = this.#initializers.get(key)?.name ?? `c${this.#initializers.size}`;
    if (!this.#initializers.has(key)) {
      this.#initializers.set(key, { name, type, shape, bytes: constantBytes(type, values) });
    }
    return new Value(type, shape, { rows: name });
  }

  /** A tensor with the same value everywhere, without storing its elements in the model. */
  filled(shape: readonly number[], value: number, type: ElementType = 'float32'): Value {
    return this.repeat(this.scalar(value, type), shape);
  }

  /** A value broadcast to a shape, without computing its elements before they are needed. */
  repeat(value: Value, shape: readonly number[]): Value {
    const source = value.repeated ?? value;
    if (sameShape(source.shape, shape)) return source;
    return new Value(value.type, shape, { repeated: source });
  }

  /** The node that makes a graph value, if it is not an input or constant. */
  producer(name: string): ModelNode | undefined {
    return this.#producers.get(name);
  }

  /** The finished graph with these values under the given output names. */
  finish(outputs: readonly { name: string; value: Value }[]): Model {
    const ends = outputs.map(({ name, value }) => ({
      type: 'Identity',
      domain: '',
      inputs: [this.rows(value)],
      outputs: [name],
      attributes: {},
    }));
    const nodes = needed(
      this.#nodes,
      ends.flatMap((end) => end.inputs),
    );
    const used = new Set([...nodes, ...ends].flatMap(reads));
    return {
      nodes: [...nodes, ...ends],
      initializers: [...this.#initializers.values()].filter((item) => used.has(item.name)),
      inputs: this.#inputs,
      outputs: outputs.map(({ name, value }) => ({ name, type: value.type, shape: value.shape })),
    };
  }

  /** In rank 5 when one of them is a vector of one number a channel. */
  #blockedOperands(inputs: readonly Value[], shape: readonly number[]): string[] | undefined {
    if (!inputs.some(({ rows, blocked }) => rows === undefined && blocked !== undefined)) return;
    const [batch, height, width, channels] = shape;
    const groups = channels / this.blockSize;
    const blocks = inputs.every(({ size, shape: own }) => size === 1 || sameShape(own, shape))
      ? [batch, channels, height, width]
      : [batch, groups, height, width, this.blockSize];
    const names: string[] = [];
    for (const value of inputs) {
      if (sameShape(value.shape, shape)) {
        if (!this.canBlock(value)) return undefined;
        names.push(
          blocks.length === 4 ? this.blocked(value) : this.#reshaped(this.blocked(value), blocks),
        );
      } else if (value.size === 1) {
        names.push(this.rows(this.reshape(value, [])));
      } else {
        const operand = this.#besideBlocks(value, channels);
        if (operand === undefined) return undefined;
        names.push(operand);
      }
    }
    return names;
  }

  /** A value of one number a channel (of each image, or of all) or a pixel, for use in rank 5. */
  #besideBlocks(value: Value, channels: number): string | undefined {
    const missing = 4 - value.rank;
    const [batch, height, width, depth] = [...Array<number>(missing).fill(1), ...value.shape];
    if (depth === 1) return this.rows(this.reshape(value, [batch, 1, height, width, 1]));
    if (depth !== channels || height * width !== 1) return undefined;
    const blocks = [batch, channels / this.blockSize, 1, 1, this.blockSize];
    return this.rows(this.reshape(value, blocks));
  }

  #channelsFirstOperands(inputs: readonly Value[], shape: readonly number[]): string[] | undefined {
    if (shape.length !== 4) return undefined;
    const imagesOnly = inputs.some((value) => value.rows === undefined);
    if (!imagesOnly) return undefined;
    const channels = shape[3];
    const names: string[] = [];
    for (const value of inputs) {
      if (sameShape(value.shape, shape)) {
        names.push(this.channelsFirst(value));
      } else if (value.size === 1) {
        names.push(this.rows(this.reshape(value, [])));
      } else if (value.size === channels && value.shape.at(-1) === channels) {
        names.push(this.rows(this.reshape(value, [channels, 1, 1])));
      } else {
        return undefined;
      }
    }
    return names;
  }

  #blocks(value: Value): string {
    if (value.repeated !== undefined) this.rows(value);
    const { rows, channelsFirst } = value;
    const [, height, width] = value.shape;
    if (height === 1 && width === 1) return this.#reshaped(this.rows(value), imageShape(value));
    const source = rows ?? channelsFirst;
    if (source === undefined) throw new Error('A graph value without a name.');
    const last = Number(rows !== undefined);
    const producer = this.#producers.get(source);
    const same = producer?.type === 'ReorderOutput' && producer.attributes.channels_last === last;
    if (same) return producer.inputs[0];
    const attributes = { channels_last: last };
    return this.raw('ReorderInput', [source], attributes, { domain: BLOCKED_DOMAIN })[0];
  }

  #unblocked({ type, shape }: Value, name: string, last: 0 | 1): string {
    const [batch, height, width, channels] = shape;
    const target = last === 1 ? shape : [batch, channels, height, width];
    if (height === 1 && width === 1) return this.#reshaped(name, target);
    if (type === 'float32') {
      const attributes = { channels, channels_last: last };
      return this.raw('ReorderOutput', [name], attributes, { domain: BLOCKED_DOMAIN })[0];
    }
    const blocks = [batch, channels / this.blockSize, height, width, this.blockSize];
    const order = last === 1 ? [0, 2, 3, 1, 4] : [0, 1, 4, 2, 3];
    return this.#reshaped(this.#transposed(this.#reshaped(name, blocks), order), target);
  }

  #reshaped(name: string, shape: readonly number[]): string {
    const producer = this.#producers.get(name);
    const source = producer?.type === 'Reshape' ? producer.inputs[0] : name;
    return this.raw('Reshape', [source, this.ints(shape)], { allowzero: 1 })[0];
  }

  #transposed(name: string, permutation: readonly number[]): string {
    const producer = this.#producers.get(name);
    if (producer?.type !== 'Transpose')
      return this.raw('Transpose', [name], { perm: permutation })[0];
    const inner = producer.attributes.perm as readonly number[];
    const merged = permutation.map((axis) => inner[axis]);
    const [source] = producer.inputs;
    if (merged.every((axis, index) => axis === index)) return source;
    return this.raw('Transpose', [source], { perm: merged })[0];
  }
}

function imageShape({ shape }: Pick<Value, 'shape'>): number[] {
  const [batch, height, width, channels] = shape;
  return [batch, channels, height, width];
}

function needed(nodes: readonly ModelNode[], wanted: readonly string[]): ModelNode[] {
  const names = new Set(wanted);
  const kept: ModelNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    kept.push(node);
    for (const input of reads(node)) names.add(input);
  }
  return kept.reverse();
}

/** Every name of the graph that a node reads. */
function reads({ inputs, attributes }: ModelNode): readonly string[] {
  const { body } = attributes;
  return typeof body === 'object' && 'body' in body ? [...inputs, ...body.body.captures] : inputs;
}

function constantBytes(type: ElementType, values: readonly number[]): Uint8Array {
  const array = constantArray(type, values);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function constantArray(type: ElementType, values: readonly number[]) {
  switch (type) {
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int32':
      return Int32Array.from(values);
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values);
  }
}
