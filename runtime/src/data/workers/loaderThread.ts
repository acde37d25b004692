import {
  MessageChannel,
  receiveMessageOnPort,
  type MessagePort,
  type Worker,
} from 'node:worker_threads';
import { LightboxError, messageOf, UsageError } from '../../errors.ts';
import type { MadeBatch } from '../loader/batchAssembler.ts';
import type { AssemblyPlan } from './assemblyPlan.ts';
import { Ring, slotState } from './ring.ts';
import { readBatch, readPlain, type Slot } from './slotCodec.ts';
import { spawnThread } from './spawnThread.ts';
import type { PlainError } from './threadMain.ts';

/** A batch that was asked for. */
export interface Span {
  readonly position: number;
  readonly size: number;
}

/** Memory of a slot, from when it was replaced for the given time. */
type SlotMemory = [slot: number, generation: number, buffer: SharedArrayBuffer];

/** Times one batch is tried again after its thread died. */
const maxRevivals = 3;

/** The reader's side of one loader thread, and of those that follow it when it dies. */
export class LoaderThread {
  readonly #plan: AssemblyPlan;
  readonly #slots: number;
  #ring: Ring;
  #memory: (Slot & { generation: number })[] = [];
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  /** Asked for and not taken yet, oldest first. */
  #pending: Span[] = [];
  #taken = 0;
  #death: unknown;
  #revivals = 0;

  constructor(plan: AssemblyPlan, slots: number) {
    this.#plan = plan;
    this.#slots = slots;
    this.#ring = new Ring(slots);
  }

  /** Whether another batch can be asked for: one has to be taken first when all slots are in use. */
  get free(): boolean {
    return this.#pending.length < this.#slots;
  }

  request(span: Span): void {
    if (this.#worker === undefined) this.#start(this.#pending);
    this.#pending.push(span);
    this.#ring.request(span.position, span.size);
  }

  /** The oldest batch that was asked for, copied out of its slot, which is free from then on. */
  take(): MadeBatch | Promise<MadeBatch> {
    return this.#ready() ? this.#read() : this.#wait().then(() => this.#read());
  }

  /** Forgets what was asked for; resolves once the slots can be used again. */
  async forget(): Promise<void> {
    this.#ring.skipRequested();
    while (this.#worker !== undefined) {
      const { completed, requested } = this.#ring;
      // One that died has nothing left to do; the next request starts another.
      if (completed === requested || !(await this.#change(completed))) break;
    }
    this.#pending = [];
    this.#taken = this.#ring.completed;
  }

  /** Whether it has nothing to do, be it because it died. */
  get idle(): boolean {
    return this.#worker === undefined || this.#ring.completed === this.#ring.requested;
  }

  /** The thread's id while it lives. */
  get threadId(): number | undefined {
    return this.#worker?.threadId;
  }

  async dispose(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#pending = [];
    if (worker === undefined) return;
    worker.removeAllListeners('exit');
    this.#ring.stop();
    await worker.terminate();
    this.#port?.close();
    this.#memory = [];
  }

  #ready(): boolean {
    return this.#ring.completed !== this.#taken;
  }

  async #wait(): Promise<void> {
    while (!this.#ready()) {
      if (!(await this.#change(this.#taken))) this.#revive();
    }
  }

  /** Waits for `completed` to leave `seen`; false when the thread is dead. */
  async #change(seen: number): Promise<boolean> {
    const worker = this.#worker;
    if (worker === undefined) return false;
    // Waiting for shared memory alone would let the process end.
    worker.ref();
    try {
      await this.#ring.changed(seen);
    } finally {
      worker.unref();
    }
    return this.#worker === worker;
  }

  #read(): MadeBatch {
    const index = (this.#taken >>> 0) % this.#slots;
    const report = this.#ring.report(index);
    this.#receiveMemory(index, report.generation);
    const slot = this.#memory[index];
    const { treeStart: start, treeLength: length, version } = report;
    const tree = { start, length, version };
    const failed = report.state === slotState.error;
    const content = failed ? undefined : readBatch(slot, tree);
    const error = failed ? (readPlain(slot, tree) as PlainError) : undefined;
    this.#taken = (this.#taken + 1) | 0;
    this.#pending.shift();
    this.#revivals = 0;
    if (error !== undefined) throw revivedError(error);
    return content as MadeBatch;
  }

  #receiveMemory(index: number, generation: number): void {
    while (this.#memory[index].generation !== generation && this.#port !== undefined) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) {
        throw new LightboxError('ERR_DATA_RING', `Slot ${index} came without its memory.`);
      }
      const [slot, sent, buffer] = received.message as SlotMemory;
      this.#memory[slot] = { buffer, generation: sent };
    }
  }

  /** A new thread in place of one that died, which does all over that was not taken. */
  #revive(): void {
    const [oldest] = this.#pending;
    if (++this.#revivals > maxRevivals) {
      const names = this.#plan.sources.map(({ name }) => `"${name}"`).join(', ');
      throw new UsageError(
        'ERR_DATA_WORKER',
        `A loader thread died ${this.#revivals} times while it made the batch of ${oldest.size} samples from position ${oldest.position} on (${names}): ${messageOf(this.#death)}. ` +
          'Set num_workers: 0 to see where it happens.',
      );
    }
    this.#start(this.#pending);
  }

  #start(pending: readonly Span[]): void {
    this.#port?.close();
    const { port1, port2 } = new MessageChannel();
    const ring = new Ring(this.#slots);
    this.#memory = Array.from({ length: this.#slots }, () => ({
      buffer: new SharedArrayBuffer(0),
      generation: 0,
    }));
    const worker = spawnThread({
      plan: this.#plan,
      ring: ring.shared,
      slots: this.#slots,
      port: port2,
    });
    this.#death = 'it left without a word (process.exit in a dataset?)';
    worker.on('error', (error) => {
      this.#death = error;
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      ring.wake();
    });
    worker.unref();
    port1.unref();
    this.#worker = worker;
    this.#port = port1;
    this.#ring = ring;
    this.#taken = 0;
    this.#pending = [...pending];
    for (const { position, size } of pending) ring.request(position, size);
  }
}

function revivedError({ usage, code, message, stack }: PlainError): Error {
  const error = usage
    ? new UsageError(code ?? 'ERR_DATA', message)
    : new Error(message, { cause: code });
  if (stack !== undefined) error.stack = stack;
  return error;
}
