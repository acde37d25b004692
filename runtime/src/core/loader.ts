import type { HostBatch } from './batch.ts';

/** One batch on its way to a step. */
export interface LoadedBatch {
  readonly data: HostBatch;
  /** Samples in this batch: the weight of its loss and metrics. */
  readonly size: number;
  /** Positions that this step takes, when other ranks have parts of the batch. Default: `size`. */
  readonly consumed?: number;
  /** Gives the memory behind `data` back to the loader; called once nothing reads it any more. */
  release?(): void;
}

/** What a run lends its loaders. */
export interface LoaderContext {
  /** Folder of the run; null when it writes nothing. */
  readonly dir: string | null;
  /** Prints a line. */
  line(text: string): void;
}

/**
 * A source of batches whose order is a pure function of one integer: `t`, the samples consumed so
 * far over all epochs. A resumed run asks for the same `t` and gets the same batches.
 */
export interface Loader {
  readonly batchSize: number;
  /** Null when the source has no known end. */
  readonly batchesPerEpoch: number | null;
  /** Samples that one epoch consumes: dropped remainders are not counted. Null as above. */
  readonly samplesPerEpoch: number | null;
  /** Fingerprint of everything that decides the order; a resume with another one is refused. */
  readonly orderHash: string;
  /** Batches from position `t` to the end of the epoch that holds `t`. */
  iterate(t: number): AsyncIterable<LoadedBatch>;
  /** Called once before a run reads from it. */
  attach?(context: LoaderContext): void;
  dispose?(): Promise<void>;
}

/** Loaders by name; a single one counts as `default`. */
export type Loaders = Loader | Record<string, Loader>;

/** `[name, loader]` pairs in declared order. */
export function namedLoaders(loaders: Loaders | undefined): [name: string, loader: Loader][] {
  if (loaders === undefined) return [];
  return isLoader(loaders) ? [['default', loaders]] : Object.entries(loaders);
}

export function isLoader(value: unknown): value is Loader {
  return (
    typeof value === 'object' &&
    value !== null &&
    'iterate' in value &&
    typeof value.iterate === 'function'
  );
}
