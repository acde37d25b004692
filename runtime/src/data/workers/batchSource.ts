import { isUsageError } from '../../errors.ts';
import { BatchAssembler, type MadeBatch } from '../loader/batchAssembler.ts';
import type { EpochPlaces } from '../loader/epochPlaces.ts';
import type { Replacements } from '../loader/faultPolicy.ts';
import type { Place } from '../order/sampleOrder.ts';
import { packPlan, type AssemblyPlan, type PlanParts } from './assemblyPlan.ts';
import { checkWorkers, WorkerEstimate } from './workerEstimate.ts';
import { ThreadPool, type ThreadPoolOptions } from './threadPool.ts';

export interface BatchSourceOptions extends PlanParts {
  readonly numWorkers?: number | 'auto' | undefined;
  readonly prefetch?: number | undefined;
  readonly places: EpochPlaces;
  readonly span: ThreadPoolOptions['span'];
}

/** Makes the batches of a loader: in the calling thread, or ahead of it in others. */
export class BatchSource {
  readonly fused: boolean;
  readonly #options: BatchSourceOptions;
  readonly #assembler: BatchAssembler;
  /** Present while `auto` is undecided. */
  #estimate: WorkerEstimate | undefined;
  #plan: AssemblyPlan | undefined;
  #threads = 0;
  #pool: ThreadPool | undefined;
  /** Threads that `auto` started are opening their data. */
  #warming = false;

  /** @throws UsageError (ERR_DATA_NOT_PORTABLE) for a number of threads the data cannot go to */
  constructor(options: BatchSourceOptions) {
    const { numWorkers = 0, prefetch = 2 } = options;
    checkWorkers(numWorkers, prefetch);
    this.#options = options;
    this.#assembler = new BatchAssembler(options);
    this.fused = this.#assembler.fused;
    if (numWorkers === 'auto') this.#estimate = new WorkerEstimate();
    else if (numWorkers > 0) this.#useThreads(numWorkers);
  }

  /** Starts threads that will be needed: a run has other things to do until its first batch. */
  start(): void {
    if (this.#threads === 0 || this.#pool !== undefined) return;
    this.#pool = this.#open();
    this.#pool.start(0);
  }

  /** The batch that starts at a position, or this rank's part of it. */
  batch(start: number, replacements?: Replacements): MadeBatch | Promise<MadeBatch> {
    this.#warming &&= this.#pool?.idle === false;
    if (this.#threads > 0 && !this.#warming) {
      this.#pool ??= this.#open();
      return this.#pool.take(start);
    }
    const { places, span } = this.#options;
    const { position, size } = span(start);
    this.#estimate?.begin();
    const made = this.assemble(places.of(position, size), replacements);
    if (!(made instanceof Promise)) {
      this.#estimate?.end();
      return made;
    }
    return made.then((batch) => {
      this.#estimate?.end();
      return batch;
    });
  }

  /** The reader has used the batch at a position: `auto` may have seen enough. */
  returned(position: number): void {
    const threads = this.#estimate?.threads();
    if (threads === undefined) return;
    this.#estimate = undefined;
    if (threads > 0) this.#tryThreads(threads, position);
  }

  /** A batch of any places, made here. */
  assemble(places: readonly Place[], replacements?: Replacements): MadeBatch | Promise<MadeBatch> {
    return this.#assembler.assemble(places, { replacements });
  }

  get threadIds(): number[] {
    return this.#pool?.threadIds ?? [];
  }

  async dispose(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.dispose();
  }

  /**
   * For `auto`, data that cannot go to a thread is no reason to stop. Until the threads have opened
   * theirs, which may take as long as many steps, batches are still made here.
   */
  #tryThreads(threads: number, position: number): void {
    try {
      this.#useThreads(threads);
      this.#pool = this.#open();
      this.#pool.warmUp(position);
      this.#warming = true;
    } catch (error) {
      if (!isUsageError(error)) throw error;
    }
  }

  #useThreads(threads: number): void {
    this.#plan = packPlan(this.#options);
    this.#threads = threads;
  }

  #open(): ThreadPool {
    const { prefetch = 2, span } = this.#options;
    const plan = this.#plan ?? packPlan(this.#options);
    return new ThreadPool({ plan, threads: this.#threads, prefetch, span });
  }
}
