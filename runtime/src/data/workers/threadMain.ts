import { setImmediate } from 'node:timers/promises';
import type { HostTensor } from '../../core/batch.ts';
import { isUsageError } from '../../errors.ts';
import { allocateColumn, columnLength, type Column } from '../batchReader.ts';
import type { MadeBatch } from '../loader/batchAssembler.ts';
import { openPlan, type ThreadStart } from './assemblyPlan.ts';
import { Ring, slotState } from './ring.ts';
import { align, writeBatch, writePlain, type Slot, type TreeRange } from './slotCodec.ts';

/** An error as plain data; the reader makes an error of it again. */
export interface PlainError {
  readonly usage: boolean;
  readonly code: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Sleeping thus long at a time, a thread still lets its output and timers through. */
const napMs = 200;

/** Answers the requests of a ring until it is stopped: the whole life of a loader thread. */
export async function runThread({ plan, ring: shared, slots, port }: ThreadStart): Promise<void> {
  const ring = new Ring(slots, shared);
  const memory = Array.from({ length: slots }, () => ({
    buffer: new SharedArrayBuffer(0),
    sent: 0,
    version: 0,
  }));
  const make = await openPlan(plan).then(
    ({ assembler, places }) =>
      (position: number, size: number, slot: Slot): MadeBatch | Promise<MadeBatch> =>
        assembler.assemble(places(position, size), { allocate: allocatorOf(slot) }),
    (error: unknown) => (): never => {
      throw error;
    },
  );
  while (!ring.stopped) {
    if (!ring.sleepUntilRequested(napMs)) {
      await setImmediate();
      continue;
    }
    const { slot, position, size, wanted } = ring.next();
    const own = memory[slot];
    const { buffer } = own;
    const answer = wanted
      ? await answerOf(own, own.version, () => make(position, size, own))
      : skipped;
    // Versions of a slot's description: a description is not written twice when it is the same.
    if (wanted) own.version = answer.tree.version;
    if (own.buffer !== buffer) port.postMessage([slot, ++own.sent, own.buffer]);
    const { start, length, version } = answer.tree;
    ring.complete(slot, {
      state: answer.state,
      treeStart: start,
      treeLength: length,
      generation: own.sent,
      version,
    });
  }
  port.close();
}

const skipped = { state: slotState.skipped, tree: { start: 0, length: 0, version: 0 } };

async function answerOf(
  slot: Slot,
  version: number,
  make: () => MadeBatch | Promise<MadeBatch>,
): Promise<{ state: number; tree: TreeRange }> {
  try {
    const made = make();
    // Awaiting what is there already would cost a turn of the thread's queue.
    const batch = made instanceof Promise ? await made : made;
    return { state: slotState.batch, tree: writeBatch(batch, slot, version) };
  } catch (error) {
    return { state: slotState.error, tree: writePlain(plainError(error), slot, version) };
  }
}

/** Batches are put together where the reader will look, when they fit. */
function allocatorOf({ buffer }: Slot): (column: Column, rows: number) => HostTensor['data'] {
  let used = 0;
  return (column, rows) => {
    const length = rows * columnLength(column);
    const bytes = length * (column.dtype === 'bool' ? 1 : 4);
    if (used + bytes > buffer.byteLength) return allocateColumn(column, rows);
    const start = used;
    used = align(used + bytes);
    if (column.dtype === 'float32') return new Float32Array(buffer, start, length);
    return column.dtype === 'int32'
      ? new Int32Array(buffer, start, length)
      : new Uint8Array(buffer, start, length);
  };
}

function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { usage: false, code: undefined, message: String(error), stack: undefined };
  }
  const { message, stack } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { usage: isUsageError(error), code, message, stack };
}
