import { UsageError } from '../../errors.ts';
import { pageBytes } from '../wasm/webAssembly.ts';

/** Where one parameter lies in every vector of an arena, in elements. */
export interface ArenaSegment {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly shape: readonly number[];
}

/** A parameter as an arena sees it before it has a place. */
export interface SizedParameter {
  readonly name: string;
  readonly shape: readonly number[];
}

// 64 bytes: a cache line, and what AVX-512 loads want.
const alignment = 16;

/**
 * Vectors of more than a page start this far into one, each further than the one before: where
 * all start alike, a processor takes the load of one for the store of another, and Adam's loop is
 * a tenth slower.
 */
const [page, skew] = [1024, 80];

/** Lays parameters out one after the other, each at the start of a cache line. */
export function layOut(parameters: readonly SizedParameter[]): {
  segments: readonly ArenaSegment[];
  /** Elements of one vector, padding included. */
  length: number;
} {
  let offset = 0;
  const segments = parameters.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const segment = { name, offset, length, shape };
    offset += Math.ceil(length / alignment) * alignment;
    return segment;
  });
  const padding = offset > page ? (page + skew - (offset % page)) % page : 0;
  return { segments, length: offset + padding };
}

/** Whether WebAssembly can address `vectors` vectors of `length` floats. */
export function fits(length: number, vectors: number): boolean {
  // The last page stays unused: an end address of 2^32 would not fit into 32 bits.
  return pagesOf(length, vectors) < 65_536;
}

/**
 * Pages for `vectors` vectors of `length` floats.
 * @throws UsageError ERR_ARENA_TOO_LARGE beyond the 4 GB that WebAssembly can address
 */
export function pagesFor(length: number, vectors: number): number {
  if (fits(length, vectors)) return pagesOf(length, vectors);
  throw new UsageError(
    'ERR_ARENA_TOO_LARGE',
    `${String(length)} trainable values with ${String(vectors)} vectors each (values, gradients, ` +
      'optimizer state) need more than the 4 GB that one optimizer can hold. Declare several ' +
      'optimizer rounds over parts of the model, or freeze a part of it.',
  );
}

function pagesOf(length: number, vectors: number): number {
  return Math.max(1, Math.ceil((length * 4 * vectors) / pageBytes));
}
