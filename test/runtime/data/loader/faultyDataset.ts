import { existsSync, writeFileSync } from 'node:fs';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import type { BatchReader, ReadRequest } from '../../../../runtime/src/data/batchReader.ts';
import type { Recipe } from '../../../../runtime/src/data/workers/recipe.ts';

/** Which samples of a `FaultyDataset` cannot be read. */
export interface Faulty {
  readonly length: number;
  readonly broken: readonly number[];
  /** Prefix of files to make: each broken sample then fails at its first visit only. */
  readonly once?: string;
  /** Samples come as promises. */
  readonly slow?: boolean;
  /** Batches are read in one pass. */
  readonly fused?: boolean;
}

interface FaultySample {
  readonly x: HostTensor;
  readonly id: number;
}

/** Samples some of which throw when they are read. */
export class FaultyDataset {
  readonly length: number;
  readonly columns = {
    x: { dtype: 'float32', shape: [2] },
    id: { dtype: 'int32', shape: [] },
  } as const;
  readonly #options: Faulty;
  readonly reader: (() => BatchReader) | undefined;

  constructor(options: Faulty) {
    this.#options = options;
    this.length = options.length;
    if (options.fused === true) {
      this.reader = () => ({ columns: this.columns, read: (request) => this.#readAll(request) });
    }
  }

  recipe(): Recipe {
    return { module: import.meta.url, name: 'FaultyDataset', args: [this.#options] };
  }

  get(index: number): FaultySample | Promise<FaultySample> {
    const { slow } = this.#options;
    if (slow !== true) return this.#read(index);
    return new Promise((resolve) => {
      setImmediate(resolve);
    }).then(() => this.#read(index));
  }

  #read(index: number): FaultySample {
    const { broken, once } = this.#options;
    if (broken.includes(index) && !(once !== undefined && existsSync(`${once}${index}`))) {
      if (once !== undefined) writeFileSync(`${once}${index}`, '');
      throw new Error(`file ${index} is torn`);
    }
    return {
      x: { data: Float32Array.of(index + 0.5, -index), shape: [2], dtype: 'float32' },
      id: index,
    };
  }

  #readAll({ ids, slots, out }: ReadRequest): void {
    slots.forEach((slot, row) => {
      const { x, id } = this.#read(ids[row]);
      out.x.set(x.data, 2 * slot);
      out.id[slot] = id;
    });
  }
}
