import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { isHostTensor, type HostBatch, type HostTensor } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Prediction } from '../loops/predictionLoop.ts';
import type { PredictionFile } from './predictionFile.ts';

const dtypes = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const;
const chunkBytes = 1 << 20;

/** A tensor that grows along its first axis, in a file of its own until all sizes are known. */
interface Part {
  readonly name: string;
  readonly dtype: HostTensor['dtype'];
  readonly sampleShape: readonly number[];
  readonly path: string;
  readonly handle: FileHandle;
  rows: number;
  bytes: number;
}

/** Each output as one tensor; complete or not there. */
export class TensorFile implements PredictionFile {
  readonly #path: string;
  readonly #parts = new Map<string, Part>();

  constructor(path: string) {
    this.#path = path;
  }

  async add({ outputs, size, loader }: Prediction): Promise<void> {
    const prefix = loader === 'default' ? '' : `${loader}/`;
    for (const [name, tensor] of leavesOf(outputs, '')) {
      await this.#append(prefix + (name === '' ? 'outputs' : name), tensor, size);
    }
  }

  async finish(): Promise<void> {
    const parts = [...this.#parts.values()];
    const temporary = `${this.#path}.writing`;
    const file = await open(temporary, 'w');
    try {
      await file.write(headerOf(parts));
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (const { handle, bytes } of parts) {
        for (let at = 0; at < bytes;) {
          const { bytesRead } = await handle.read(chunk, 0, Math.min(chunkBytes, bytes - at), at);
          await file.write(chunk, 0, bytesRead);
          at += bytesRead;
        }
      }
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    await this.abandon();
  }

  async abandon(): Promise<void> {
    for (const { handle, path } of this.#parts.values()) {
      await handle.close();
      await rm(path, { force: true });
    }
    this.#parts.clear();
    await rm(`${this.#path}.writing`, { force: true });
  }

  async #append(name: string, tensor: HostTensor, size: number): Promise<void> {
    const { data, shape, dtype } = tensor;
    if (shape[0] !== size) {
      throw cannotHold(this.#path, name, `shape [${shape.join(', ')}] for ${String(size)} samples`);
    }
    const part = this.#parts.get(name) ?? (await this.#openPart(name, tensor));
    const sampleShape = shape.slice(1);
    if (sampleShape.join() !== part.sampleShape.join() || dtype !== part.dtype) {
      throw cannotHold(
        this.#path,
        name,
        `${dtype} [${sampleShape.join(', ')}] a sample after ${part.dtype} [${part.sampleShape.join(', ')}]`,
      );
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    await part.handle.write(bytes, 0, bytes.length, part.bytes);
    part.rows += size;
    part.bytes += bytes.length;
  }

  async #openPart(name: string, { shape, dtype }: HostTensor): Promise<Part> {
    const path = `${this.#path}.part-${String(this.#parts.size)}`;
    const handle = await open(path, 'w+');
    const part: Part = {
      name,
      dtype,
      sampleShape: shape.slice(1),
      path,
      handle,
      rows: 0,
      bytes: 0,
    };
    this.#parts.set(name, part);
    return part;
  }
}

/** Tensors by their place in the outputs; plain values have no place in such a file. */
function* leavesOf(outputs: HostBatch, name: string): Generator<[string, HostTensor]> {
  if (isHostTensor(outputs)) {
    yield [name, outputs];
    return;
  }
  const entries = Array.isArray(outputs)
    ? outputs.map((item, index): [string, HostBatch] => [String(index), item])
    : isPlainObject(outputs)
      ? Object.entries(outputs)
      : [];
  for (const [key, item] of entries) yield* leavesOf(item, name === '' ? key : `${name}.${key}`);
}

function headerOf(parts: readonly Part[]): Buffer {
  let offset = 0;
  const entries = parts.map(({ name, dtype, rows, sampleShape, bytes }) => {
    const place = [offset, offset + bytes];
    offset += bytes;
    return [name, { dtype: dtypes[dtype], shape: [rows, ...sampleShape], data_offsets: place }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

function cannotHold(path: string, name: string, got: string): UsageError {
  return new UsageError(
    'ERR_PREDICTION_FILE',
    `${path}: a tensor holds samples of one shape, got ${got} in "${name}". Write .jsonl instead.`,
  );
}
