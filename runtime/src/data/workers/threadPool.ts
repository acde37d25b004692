import type { MadeBatch } from '../loader/batchAssembler.ts';
import type { AssemblyPlan } from './assemblyPlan.ts';
import { LoaderThread, type Span } from './loaderThread.ts';

export interface ThreadPoolOptions {
  readonly plan: AssemblyPlan;
  readonly threads: number;
  /** Batches each thread makes ahead; rounded up to a power of two. */
  readonly prefetch: number;
  /** The batch at a position, and the position that will probably be asked for after it. */
  readonly span: (position: number) => Span & { readonly next: number | null };
}

/**
 * Batches made ahead by threads. Batch after batch goes to thread after thread and is taken in that
 * order, so the result does not depend on which thread is faster. Asked for another position than
 * the next one it starts over there.
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads: readonly LoaderThread[];
  /** Position of the batch to be taken next, and of the one to ask for next. */
  #head: number | null = null;
  #tail: number | null = null;
  #takes = 0;
  #requests = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(1, options.prefetch)));
    this.#threads = Array.from(
      { length: options.threads },
      () => new LoaderThread(options.plan, slots),
    );
  }

  /** The batch at a position. Calls that overlap are answered one after the other. */
  take(position: number): Promise<MadeBatch> {
    const taken = this.#turn.then(() => this.#take(position));
    this.#turn = taken.catch(() => undefined);
    return taken;
  }

  /** Starts every thread and has it make a batch that nobody takes, so that it opens its data. */
  warmUp(position: number): void {
    for (const thread of this.#threads) thread.request(this.#options.span(position));
  }

  /** Starts every thread without having it read anything. */
  start(position: number): void {
    for (const thread of this.#threads) thread.request({ position, size: 0 });
  }

  /** Whether no thread is busy. */
  get idle(): boolean {
    return this.#threads.every((thread) => thread.idle);
  }

  /** Ids of the living threads. */
  get threadIds(): number[] {
    return this.#threads.flatMap(({ threadId }) => threadId ?? []);
  }

  async dispose(): Promise<void> {
    this.#head = null;
    await Promise.all(this.#threads.map((thread) => thread.dispose()));
  }

  async #take(position: number): Promise<MadeBatch> {
    if (this.#head !== position) await this.#startAt(position);
    this.#askAhead();
    const thread = this.#threads[this.#takes % this.#threads.length];
    try {
      const batch = await thread.take();
      this.#takes++;
      this.#head = this.#options.span(position).next;
      this.#askAhead();
      return batch;
    } catch (error) {
      this.#head = null;
      throw error;
    }
  }

  async #startAt(position: number): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.forget()));
    this.#head = position;
    this.#tail = position;
    this.#takes = 0;
    this.#requests = 0;
  }

  #askAhead(): void {
    while (this.#tail !== null) {
      const thread = this.#threads[this.#requests % this.#threads.length];
      if (!thread.free) return;
      const { position, size, next } = this.#options.span(this.#tail);
      thread.request({ position, size });
      this.#requests++;
      this.#tail = next;
    }
  }
}
