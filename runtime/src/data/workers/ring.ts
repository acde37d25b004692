import { LightboxError } from '../../errors.ts';

/** Words of a thread's control block; the words of its slots follow. */
const word = { requested: 0, completed: 1, skipUntil: 2, stop: 3 } as const;
const slotWords = {
  state: 0,
  size: 1,
  treeStart: 2,
  treeLength: 3,
  generation: 4,
  version: 5,
} as const;
const headWords = 4;
const wordsPerSlot = 6;

/** What became of a request. */
export const slotState = { batch: 0, error: 1, skipped: 2 } as const;

/** What a loader thread reports of a slot. */
export interface SlotReport {
  readonly state: number;
  readonly treeStart: number;
  readonly treeLength: number;
  /** Raised when the slot's memory was replaced. */
  readonly generation: number;
  /** Stays the same while the slot's description does. */
  readonly version: number;
}

// The library of ES2023 does not know it; every supported Node has it.
type WaitAsync = (
  array: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: string | Promise<string> };
const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync };

/**
 * Requests and answers of one loader thread in memory both sides see. Both are counted up and
 * answered in order; request n lives in slot n mod `slots` until the reader has taken it, which is
 * what holds the thread back. Counters wrap around, so they are only compared.
 */
export class Ring {
  readonly slots: number;
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #positions: Float64Array<SharedArrayBuffer>;

  constructor(slots: number, shared = new SharedArrayBuffer(byteLength(slots))) {
    if (!Number.isInteger(Math.log2(slots))) {
      throw new LightboxError('ERR_DATA_RING', `${slots} slots: counters wrap at powers of two.`);
    }
    this.slots = slots;
    this.shared = shared;
    this.#positions = new Float64Array(shared, 0, slots);
    this.#words = new Int32Array(shared, 8 * slots);
  }

  /** Reader: asks for `size` samples from `position` on. */
  request(position: number, size: number): void {
    const slot = this.#slot(this.requested);
    this.#positions[slot] = position;
    this.#words[base(slot) + slotWords.size] = size;
    this.#raise(word.requested);
  }

  /** Reader: everything asked for so far is not wanted any more. */
  skipRequested(): void {
    Atomics.store(this.#words, word.skipUntil, this.requested);
  }

  get requested(): number {
    return Atomics.load(this.#words, word.requested);
  }

  get completed(): number {
    return Atomics.load(this.#words, word.completed);
  }

  /** Reader: resolves once `completed` is no longer `seen`, or `wake` was called. */
  changed(seen: number): Promise<unknown> | string {
    return waitAsync(this.#words, word.completed, seen).value;
  }

  /** Wakes a waiting reader although nothing was completed. */
  wake(): void {
    Atomics.notify(this.#words, word.completed);
  }

  report(slot: number): SlotReport {
    const at = base(slot);
    return {
      state: this.#words[at + slotWords.state],
      treeStart: this.#words[at + slotWords.treeStart],
      treeLength: this.#words[at + slotWords.treeLength],
      generation: this.#words[at + slotWords.generation],
      version: this.#words[at + slotWords.version],
    };
  }

  /** Reader: makes the thread leave its loop. */
  stop(): void {
    Atomics.store(this.#words, word.stop, 1);
    Atomics.notify(this.#words, word.requested);
  }

  /** Thread: whether a request waits, sleeping up to `milliseconds` for one. */
  sleepUntilRequested(milliseconds: number): boolean {
    const { completed } = this;
    if (this.requested === completed) {
      Atomics.wait(this.#words, word.requested, completed, milliseconds);
    }
    return this.requested !== completed;
  }

  get stopped(): boolean {
    return Atomics.load(this.#words, word.stop) === 1;
  }

  /** Thread: the request to answer now. */
  next(): { slot: number; position: number; size: number; wanted: boolean } {
    const { completed } = this;
    const slot = this.#slot(completed);
    const size = this.#words[base(slot) + slotWords.size];
    const skipUntil = Atomics.load(this.#words, word.skipUntil);
    const wanted = ((completed - skipUntil) | 0) >= 0;
    return { slot, position: this.#positions[slot], size, wanted };
  }

  /** Thread: the answer to `next()`. */
  complete(slot: number, report: SlotReport): void {
    const at = base(slot);
    this.#words[at + slotWords.state] = report.state;
    this.#words[at + slotWords.treeStart] = report.treeStart;
    this.#words[at + slotWords.treeLength] = report.treeLength;
    this.#words[at + slotWords.generation] = report.generation;
    this.#words[at + slotWords.version] = report.version;
    this.#raise(word.completed);
  }

  #slot(counter: number): number {
    return (counter >>> 0) % this.slots;
  }

  #raise(counter: number): void {
    Atomics.add(this.#words, counter, 1);
    Atomics.notify(this.#words, counter);
  }
}

function base(slot: number): number {
  return headWords + slot * wordsPerSlot;
}

function byteLength(slots: number): number {
  return 8 * slots + 4 * (headWords + slots * wordsPerSlot);
}
