import { availableParallelism } from 'node:os';
import { UsageError } from '../../errors.ts';

/** Batches that pass before measuring: the first ones wait for files and compilers. */
const warmUp = 4;
const measured = 12;

/** Waiting less than this share of the time is not worth a thread. */
const tolerated = 0.02;

/** Finds out how many threads keep steps from waiting, from times of making and using batches. */
export class WorkerEstimate {
  readonly #cores: number;
  readonly #now: () => number;
  #batches = 0;
  #began = 0;
  #ended = 0;
  readonly #making: number[] = [];
  readonly #using: number[] = [];

  /** @param now a clock in milliseconds */
  constructor(cores = availableParallelism(), now = (): number => performance.now()) {
    this.#cores = cores;
    this.#now = now;
  }

  /** A batch is being made. */
  begin(): void {
    this.#began = this.#now();
  }

  /** It is made. */
  end(): void {
    this.#ended = this.#now();
  }

  /** The batch has been used. @returns the number of threads once known */
  threads(): number | undefined {
    if (++this.#batches <= warmUp) return undefined;
    this.#making.push(this.#ended - this.#began);
    this.#using.push(this.#now() - this.#ended);
    if (this.#making.length < measured) return undefined;
    const making = median(this.#making);
    const using = median(this.#using);
    if (making <= tolerated * (making + using)) return 0;
    return Math.max(1, Math.min(this.#cores - 1, Math.ceil(making / Math.max(using, 1e-3))));
  }
}

/** @throws UsageError for anything but whole numbers in range and `auto` */
export function checkWorkers(numWorkers: number | 'auto', prefetch: number): void {
  if (numWorkers !== 'auto' && !(Number.isInteger(numWorkers) && numWorkers >= 0)) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `num_workers: expected a whole number from 0 or auto, got ${String(numWorkers)}.`,
    );
  }
  if (!Number.isInteger(prefetch) || prefetch < 1) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `prefetch: expected a whole number from 1, got ${prefetch}.`,
    );
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
