import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import type { Transform } from '../../../../runtime/src/data/transforms/transform.ts';
import type { CacheReport } from '../../../../runtime/src/data/cache/fillProgress.ts';

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'lightbox-cache-'));
}

interface Row {
  readonly x: { data: Float32Array; shape: number[]; dtype: 'float32' };
  readonly label: number;
}

/** Rows of 1024 floats (4 kB, so that a few hundred make several blocks); counts what is asked for. */
export class Rows implements Dataset<Row> {
  readonly length: number;
  readonly fingerprint: string;
  readonly columns = {
    x: { dtype: 'float32', shape: [1024] },
    label: { dtype: 'int32', shape: [] },
  } as const;
  made = 0;

  constructor(length: number, fingerprint = 'rows 1') {
    this.length = length;
    this.fingerprint = fingerprint;
  }

  get(index: number): Row {
    this.made++;
    const data = Float32Array.from({ length: 1024 }, (_, at) => index + at / 1024);
    return { x: { data, shape: [1024], dtype: 'float32' }, label: index % 10 };
  }
}

/** x times a factor. */
export class Scale implements Transform<Row> {
  readonly name = 'scale';
  readonly version: number;
  readonly random = false;
  readonly parameters: { factor: number };

  constructor(factor: number, version = 1) {
    this.parameters = { factor };
    this.version = version;
  }

  apply({ x, label }: Row): Row {
    return { x: { ...x, data: x.data.map((value) => value * this.parameters.factor) }, label };
  }
}

/** Keeps what a cache says. */
export function listening(): CacheReport & { readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, line: (text) => void lines.push(text) };
}
