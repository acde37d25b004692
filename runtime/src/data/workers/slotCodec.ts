import { deserialize, serialize } from 'node:v8';
import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import type { MadeBatch } from '../loader/batchAssembler.ts';
import type { SlotFault } from '../loader/faultPolicy.ts';

/** Memory of one batch that two threads see; replaced by a larger one when a batch does not fit. */
export interface Slot {
  buffer: SharedArrayBuffer;
  /** The description that lies in the memory, for the side that writes and the one that reads. */
  layout?: WrittenLayout | ReadLayout | undefined;
}

/** What the writer knows of the description in a slot. */
interface WrittenLayout {
  readonly signature: string;
  readonly start: number;
  readonly length: number;
}

/** What the reader has made of it. */
interface ReadLayout {
  readonly version: number;
  readonly described: Described;
}

/** Where in a slot the description of a batch's nesting lies. */
export interface TreeRange {
  readonly start: number;
  readonly length: number;
  /** Differs from the one before unless the description is the same. */
  readonly version: number;
}

/** What stands for a tensor in the description of the nesting. */
interface TensorNode {
  readonly tensorAt: number;
  readonly length: number;
  readonly shape: readonly number[];
  readonly dtype: HostTensor['dtype'];
  /** Bytes a value: int32 may be held as bytes. */
  readonly width: number;
}

/** The description of a batch: tensors by place, everything else as it is. */
type Node =
  | { readonly tensor: TensorNode }
  | { readonly items: readonly Node[] }
  | { readonly entries: readonly (readonly [string, Node])[] }
  | { readonly value: unknown };

/** What describes a batch in its slot. */
interface Described {
  readonly tree: Node;
  readonly faults: readonly SlotFault[];
}

/** Tensors begin at multiples of this, so that any type of view fits and copies are fast. */
const alignment = 64;

/** Variable batches need a little more each time; without spare room each would need a new slot. */
const spareFactor = 1.25;

/**
 * Writes a batch into a slot; tensors that are in its memory already stay where they are. The
 * description is left as it is while batches keep their layout.
 * @param version of the slot's last description
 */
export function writeBatch({ data: batch, faults }: MadeBatch, slot: Slot, version = 0): TreeRange {
  const tensors: PlacedTensor[] = [];
  const tree = describe(batch, tensors);
  let end = 0;
  for (const { source, node } of tensors) {
    if (source.buffer !== slot.buffer) continue;
    node.tensorAt = source.byteOffset;
    end = Math.max(end, source.byteOffset + source.byteLength);
  }
  const outside = tensors.filter(({ source }) => source.buffer !== slot.buffer);
  for (const { source, node } of outside) {
    node.tensorAt = align(end);
    end = node.tensorAt + source.byteLength;
  }
  const start = align(end);
  const signature = faults.length === 0 ? signatureOf(tree) : null;
  const last = slot.layout as WrittenLayout | undefined;
  const same = last !== undefined && last.signature === signature && last.start === start;
  const bytes = same ? undefined : serialize({ tree, faults } satisfies Described);
  const length = same ? last.length : (bytes?.length ?? 0);
  reserve(slot, start + length);
  for (const { source, node } of outside) {
    bytesAt(slot.buffer, node.tensorAt, source.byteLength).set(
      new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
    );
  }
  if (bytes === undefined) return { start, length, version };
  bytesAt(slot.buffer, start, length).set(bytes);
  slot.layout = signature === null ? undefined : { signature, start, length };
  return { start, length, version: version + 1 };
}

/** A tensor with its place in the description, which is settled later. */
interface PlacedTensor {
  readonly source: HostTensor['data'];
  readonly node: { tensorAt: number };
}

function describe(value: HostBatch, tensors: PlacedTensor[]): Node {
  if (isTensor(value)) {
    const { data, shape, dtype } = value;
    const node = { tensorAt: 0, length: data.length, shape, dtype, width: data.BYTES_PER_ELEMENT };
    tensors.push({ source: data, node });
    return { tensor: node };
  }
  if (Array.isArray(value)) {
    return value.every((item) => typeof item !== 'object')
      ? { value }
      : { items: value.map((item) => describe(item, tensors)) };
  }
  if (!isPlainObject(value)) return { value };
  const entries = Object.entries(value);
  return { entries: entries.map(([key, item]) => [key, describe(item, tensors)] as const) };
}

/** A text that is equal for equal descriptions; null where that would take long to find out. */
function signatureOf(node: Node): string | null {
  if ('tensor' in node) {
    const { tensorAt, length, shape, dtype, width } = node.tensor;
    return `${tensorAt} ${length} ${shape.join()} ${dtype} ${width}`;
  }
  if (!('entries' in node)) return null;
  let text = '';
  for (const [key, item] of node.entries) {
    const inner = signatureOf(item);
    if (inner === null) return null;
    text += `${JSON.stringify(key)}{${inner}}`;
  }
  return text;
}

/** The batch in a slot, copied into memory of its own. */
export function readBatch(slot: Slot, range: TreeRange): MadeBatch {
  const { buffer } = slot;
  const restore = (node: Node): HostBatch => {
    if ('tensor' in node) return copyTensor(buffer, node.tensor);
    if ('items' in node) return node.items.map(restore);
    if ('value' in node) return node.value as HostBatch;
    return Object.fromEntries(node.entries.map(([key, item]) => [key, restore(item)]));
  };
  let layout = slot.layout as ReadLayout | undefined;
  if (layout?.version !== range.version) {
    layout = { version: range.version, described: readPlain(slot, range) as Described };
    slot.layout = layout;
  }
  const { tree, faults } = layout.described;
  return { data: restore(tree), faults };
}

/** Writes any plain value, such as the description of an error. */
export function writePlain(value: unknown, slot: Slot, version: number): TreeRange {
  const bytes = serialize(value);
  reserve(slot, bytes.length);
  bytesAt(slot.buffer, 0, bytes.length).set(bytes);
  slot.layout = undefined;
  return { start: 0, length: bytes.length, version };
}

/** What `writePlain` wrote. */
export function readPlain(
  { buffer }: Slot,
  { start, length }: Pick<TreeRange, 'start' | 'length'>,
): unknown {
  // Copied first: v8's reader refuses shared memory.
  return deserialize(Buffer.from(bytesAt(buffer, start, length))) as unknown;
}

/** Makes a slot hold at least this many bytes; what it held is kept only if it was large enough. */
export function reserve(slot: Slot, bytes: number): void {
  if (slot.buffer.byteLength >= bytes) return;
  const old = new Uint8Array(slot.buffer);
  slot.buffer = new SharedArrayBuffer(align(Math.ceil(bytes * spareFactor)));
  new Uint8Array(slot.buffer).set(old);
  slot.layout = undefined;
}

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function copyTensor(buffer: SharedArrayBuffer, node: TensorNode): HostTensor {
  const { tensorAt, length, dtype, width } = node;
  const shape = [...node.shape];
  if (dtype === 'float32') {
    return { data: new Float32Array(new Float32Array(buffer, tensorAt, length)), shape, dtype };
  }
  return dtype === 'int32' && width === 4
    ? { data: new Int32Array(new Int32Array(buffer, tensorAt, length)), shape, dtype }
    : { data: new Uint8Array(new Uint8Array(buffer, tensorAt, length)), shape, dtype };
}

function bytesAt(buffer: SharedArrayBuffer, start: number, length: number): Uint8Array {
  return new Uint8Array(buffer, start, length);
}

function isTensor(value: HostBatch): value is HostTensor {
  return isPlainObject(value) && ArrayBuffer.isView(value.data) && 'dtype' in value;
}
