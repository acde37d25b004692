import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CheckpointStore,
  readCheckpoint,
  SnapshotBuffer,
} from '../../runtime/src/checkpoint/index.ts';
import type { CheckpointContents } from '../../runtime/src/checkpoint/index.ts';
import { machineFacts } from '../machine.ts';
import { verdict, type Report } from '../report.ts';
import type { Suite } from '../suite.ts';

/** Of the state, in bytes: weights and two moments, in tensors of several sizes. */
const stateBytes = 150e6;
const testCase = '150 MB';

/** Most milliseconds that training waits; most times a plain copy, write or read. */
const targets = { blocked: 20, copy: 1.2, write: 1.3, read: 1.3 } as const;

type Timed = (samples: Record<string, number[]>) => Promise<void>;

/**
 * What saving and loading 150 MB cost: how long training waits for the copy, the longest time that
 * the event loop stands still while the file is written, and both ways beside plain files.
 */
export const checkpointSuite: Suite = async (report, { rounds = 9 }) => {
  report.machine(machineFacts());
  const folder = await fs.mkdtemp(join(process.env.LIGHTBOX_BENCH_DIR ?? tmpdir(), 'bench-save-'));
  try {
    const contents = someState();
    const bytes = contents.tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    const plain = new Uint8Array(bytes).fill(3);
    const buffer = new SnapshotBuffer();
    buffer.reserve(bytes + 1e6);
    const store = await CheckpointStore.open(join(folder, 'checkpoints'), fs, buffer);
    const copy = new Uint8Array(bytes).fill(1);
    const turns: Timed[] = [
      (samples) => save(store, contents, samples),
      (samples) => plainWrite(join(folder, 'plain'), plain, samples),
      (samples) => load(store.pathOf('last.safetensors'), samples),
      (samples) => plainRead(join(folder, 'plain'), bytes, samples),
    ];
    const samples: Record<string, number[]> = {};
    for (let round = -1; round < rounds; round++) {
      // Every other round in pairs the other way round: a disk that slows down favours nobody.
      const order = round % 2 === 0 ? turns : [turns[1], turns[0], turns[3], turns[2]];
      const kept = round === -1 ? {} : samples;
      if (round === -1) await save(store, contents, kept);
      plainCopy(copy, plain, kept);
      for (const turn of order) await turn(kept);
      await stall(store, contents, kept);
    }
    for (const [subject, values] of Object.entries(samples)) {
      report.measure(testCase, subject, 'ms', values);
    }
    summarise(report);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
};

function summarise(report: Report): void {
  const of = (subject: string): number => report.find(testCase, subject)?.median ?? NaN;
  report.compare(testCase, 'blocked', 'plain-copy');
  report.compare(testCase, 'save', 'plain-write');
  report.compare(testCase, 'load', 'plain-read');
  const blocked = Math.max(of('blocked'), of('longest-stall'));
  report.note(`training waits under ${targets.blocked} ms: ${verdict(blocked < targets.blocked)}`);
  // What no program can undercut: 150 MB through the memory of this machine.
  const copy = of('blocked') / of('plain-copy');
  report.note(`at most ${targets.copy} x a plain copy: ${verdict(copy <= targets.copy)}`);
  const [write, read] = [of('save') / of('plain-write'), of('load') / of('plain-read')];
  report.note(
    `save at most ${targets.write} x write + fsync: ${verdict(write <= targets.write)}; ` +
      `verified load at most ${targets.read} x read: ${verdict(read <= targets.read)}`,
  );
}

function someState(): CheckpointContents {
  const sizes = [9e6, 2e6, 1e6, 4e5, 9e4, 1e4];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const factor = stateBytes / 4 / 3 / total;
  const tensors = ['model', 'optim/exp_avg', 'optim/exp_avg_sq'].flatMap((part) =>
    sizes.map((size, index) => {
      const data = new Float32Array(Math.round(size * factor)).fill(index + 0.5);
      return { name: `${part}/layer${index}`, shape: [data.length], data };
    }),
  );
  const info = { step: 1, epoch: 0, metrics: {}, versions: {}, config: null };
  return { info, state: {}, tensors };
}

async function save(
  store: CheckpointStore,
  contents: CheckpointContents,
  samples: Record<string, number[]>,
): Promise<void> {
  const started = performance.now();
  const pending = await store.save({ file: 'last', kinds: ['last'], collect: () => contents });
  const blocked = performance.now() - started;
  await pending.written;
  note(samples, 'blocked', blocked);
  note(samples, 'save', performance.now() - started);
}

/** A save of its own: looking at the event loop takes a core, which the save should have. */
async function stall(
  store: CheckpointStore,
  contents: CheckpointContents,
  samples: Record<string, number[]>,
): Promise<void> {
  const { written } = await store.save({ file: 'last', kinds: [], collect: () => contents });
  note(samples, 'longest-stall', await longestStall(written));
}

/** The longest time between two turns of the event loop while `work` goes on. */
async function longestStall(work: Promise<unknown>): Promise<number> {
  let done = false;
  void work.finally(() => {
    done = true;
  });
  let [longest, before] = [0, performance.now()];
  while (!done) {
    await new Promise(setImmediate);
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  }
  await work;
  return longest;
}

async function plainWrite(
  path: string,
  bytes: Uint8Array,
  samples: Record<string, number[]>,
): Promise<void> {
  const started = performance.now();
  const file = await fs.open(path, 'w');
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  note(samples, 'plain-write', performance.now() - started);
}

/** The least that a copy of the state can take on this machine at this moment. */
function plainCopy(to: Uint8Array, from: Uint8Array, samples: Record<string, number[]>): void {
  const started = performance.now();
  to.set(from);
  note(samples, 'plain-copy', performance.now() - started);
}

async function load(path: string, samples: Record<string, number[]>): Promise<void> {
  const started = performance.now();
  const { tensors } = await readCheckpoint(path);
  note(samples, 'load', performance.now() - started);
  if (tensors.size === 0) throw new Error('nothing was loaded');
}

async function plainRead(
  path: string,
  bytes: number,
  samples: Record<string, number[]>,
): Promise<void> {
  const started = performance.now();
  const read = await fs.readFile(path);
  note(samples, 'plain-read', performance.now() - started);
  if (read.length !== bytes) throw new Error('the plain file is not whole');
}

function note(samples: Record<string, number[]>, subject: string, value: number): void {
  (samples[subject] ??= []).push(value);
}
