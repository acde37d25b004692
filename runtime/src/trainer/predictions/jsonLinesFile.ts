import { open, type FileHandle } from 'node:fs/promises';
import { isHostTensor, type HostBatch } from '../../core/batch.ts';
import { isPlainObject, type Json } from '../../core/json.ts';
import type { Prediction } from '../loops/predictionLoop.ts';
import type { PredictionFile } from './predictionFile.ts';

/** One line a sample. What was written stays when prediction is interrupted. */
export class JsonLinesFile implements PredictionFile {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(path: string): Promise<JsonLinesFile> {
    return new JsonLinesFile(await open(path, 'w'));
  }

  async add({ outputs, size, loader }: Prediction): Promise<void> {
    let text = '';
    for (let index = 0; index < size; index++) {
      text += `${JSON.stringify({ loader, outputs: sampleOf(outputs, index, size) })}\n`;
    }
    await this.#handle.write(text);
  }

  async finish(): Promise<void> {
    await this.#handle.close();
  }

  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}

/** What a batch's outputs hold for one of its samples; values without a batch axis stay whole. */
function sampleOf(outputs: HostBatch, index: number, size: number): Json {
  if (isHostTensor(outputs)) {
    const { data, shape } = outputs;
    if (shape[0] !== size) return nested([...data], shape);
    const length = data.length / size;
    return nested([...data.subarray(index * length, (index + 1) * length)], shape.slice(1));
  }
  if (Array.isArray(outputs)) return outputs.map((item) => sampleOf(item, index, size));
  if (!isPlainObject(outputs)) return outputs;
  return Object.fromEntries(
    Object.entries(outputs).map(([key, item]) => [key, sampleOf(item, index, size)]),
  );
}

function nested(values: readonly number[], shape: readonly number[]): Json {
  if (shape.length === 0) return values[0];
  if (shape.length === 1) return [...values];
  const step = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, row) =>
    nested(values.slice(row * step, (row + 1) * step), shape.slice(1)),
  );
}
