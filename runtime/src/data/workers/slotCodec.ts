import { deserialize, serialize } from 'node:v8';
import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';

/** Memory of one batch that two threads see; replaced by a larger one when a batch does not fit. */
export interface Slot {
  buffer: SharedArrayBuffer;
}

/** Where in a slot the description of a batch's nesting lies. */
export interface TreeRange {
  readonly start: number;
  readonly length: number;
}

/** What stands for a tensor in the description of the nesting. */
interface TensorNode {
  readonly tensorAt: number;
  readonly length: number;
  readonly shape: readonly number[];
  readonly dtype: HostTensor['dtype'];
}

/** The description of a batch: tensors by place, everything else as it is. */
type Node =
  | { readonly tensor: TensorNode }
  | { readonly items: readonly Node[] }
  | { readonly entries: readonly (readonly [string, Node])[] }
  | { readonly value: unknown };

/** Tensors begin at multiples of this, so that any type of view fits and copies are fast. */
const alignment = 64;

/** Variable batches need a little more each time; without spare room each would need a new slot. */
const spareFactor = 1.25;

/** Writes a batch into a slot; tensors that are in its memory already stay where they are. */
export function writeBatch(batch: HostBatch, slot: Slot): TreeRange {
  const tensors: { source: HostTensor; node: { tensorAt: number } }[] = [];
  let end = 0;
  const describe = (value: HostBatch): Node => {
    if (isTensor(value)) {
      const { data, shape, dtype } = value;
      const node = { tensorAt: 0, length: data.length, shape, dtype };
      tensors.push({ source: value, node });
      if (data.buffer === slot.buffer) {
        node.tensorAt = data.byteOffset;
        end = Math.max(end, data.byteOffset + data.byteLength);
      }
      return { tensor: node };
    }
    if (Array.isArray(value)) {
      return value.every((item) => typeof item !== 'object')
        ? { value }
        : { items: value.map(describe) };
    }
    if (!isPlainObject(value)) return { value };
    return { entries: Object.entries(value).map(([key, item]) => [key, describe(item)] as const) };
  };
  const tree = describe(batch);
  const outside = tensors.filter(({ source }) => source.data.buffer !== slot.buffer);
  for (const { source, node } of outside) {
    node.tensorAt = align(end);
    end = node.tensorAt + source.data.byteLength;
  }
  const description = serialize(tree);
  const start = align(end);
  reserve(slot, start + description.length);
  for (const { source, node } of outside) {
    const { data } = source;
    bytesAt(slot.buffer, node.tensorAt, data.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
  }
  bytesAt(slot.buffer, start, description.length).set(description);
  return { start, length: description.length };
}

/** The batch in a slot, copied into memory of its own. */
export function readBatch({ buffer }: Slot, { start, length }: TreeRange): HostBatch {
  const restore = (node: Node): HostBatch => {
    if ('tensor' in node) return copyTensor(buffer, node.tensor);
    if ('items' in node) return node.items.map(restore);
    if ('value' in node) return node.value as HostBatch;
    return Object.fromEntries(node.entries.map(([key, item]) => [key, restore(item)]));
  };
  return restore(readPlain({ buffer }, { start, length }) as Node);
}

/** Writes any plain value, such as the description of an error. */
export function writePlain(value: unknown, slot: Slot): TreeRange {
  const bytes = serialize(value);
  reserve(slot, bytes.length);
  bytesAt(slot.buffer, 0, bytes.length).set(bytes);
  return { start: 0, length: bytes.length };
}

/** What `writePlain` wrote. */
export function readPlain({ buffer }: Slot, { start, length }: TreeRange): unknown {
  // Copied first: v8's reader refuses shared memory.
  return deserialize(Buffer.from(bytesAt(buffer, start, length))) as unknown;
}

/** Makes a slot hold at least this many bytes; what it held is kept only if it was large enough. */
export function reserve(slot: Slot, bytes: number): void {
  if (slot.buffer.byteLength >= bytes) return;
  const old = new Uint8Array(slot.buffer);
  slot.buffer = new SharedArrayBuffer(align(Math.ceil(bytes * spareFactor)));
  new Uint8Array(slot.buffer).set(old);
}

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function copyTensor(buffer: SharedArrayBuffer, node: TensorNode): HostTensor {
  const { tensorAt, length, dtype } = node;
  const shape = [...node.shape];
  if (dtype === 'float32') {
    return { data: new Float32Array(new Float32Array(buffer, tensorAt, length)), shape, dtype };
  }
  return dtype === 'int32'
    ? { data: new Int32Array(new Int32Array(buffer, tensorAt, length)), shape, dtype }
    : { data: new Uint8Array(new Uint8Array(buffer, tensorAt, length)), shape, dtype };
}

function bytesAt(buffer: SharedArrayBuffer, start: number, length: number): Uint8Array {
  return new Uint8Array(buffer, start, length);
}

function isTensor(value: HostBatch): value is HostTensor {
  return isPlainObject(value) && ArrayBuffer.isView(value.data) && 'dtype' in value;
}
