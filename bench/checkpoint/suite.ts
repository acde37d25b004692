import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointKind } from '../../runtime/src/checkpoint/checkpointIndex.ts';
import {
  CheckpointStore,
  readCheckpoint,
  SnapshotBuffer,
} from '../../runtime/src/checkpoint/index.ts';
import { copiedBytes } from '../../runtime/src/checkpoint/snapshotBuffer.ts';
import type { SaveRequest } from '../../runtime/src/checkpoint/store.ts';
import type { NamedTensor } from '../../runtime/src/checkpoint/tensorData.ts';
import { AdamW } from '../../runtime/src/core/optim/index.ts';
import { ParameterArena } from '../../runtime/src/engine/arena/parameterArena.ts';
import { selectBackend } from '../../runtime/src/engine/index.ts';
import * as tf from '../../runtime/src/engine/tf.ts';
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
 * What saving and loading 150 MB cost: how long training waits for the copy and what the update
 * after it takes more than others, the longest time that the event loop stands still while the file
 * is written, and both ways beside plain files.
 */
export const checkpointSuite: Suite = async (report, { rounds = 9 }) => {
  report.machine(machineFacts());
  const folder = await fs.mkdtemp(join(process.env.LIGHTBOX_BENCH_DIR ?? tmpdir(), 'bench-save-'));
  try {
    await selectBackend({ accelerator: 'ort' });
    const optimizer = someOptimizer();
    const { tensors, release } = tensorsOf(optimizer);
    release();
    const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    const plain = new Uint8Array(bytes).fill(3);
    const buffer = new SnapshotBuffer();
    buffer.reserve(copiedBytes(tensors) + 1e6);
    const store = await CheckpointStore.open(join(folder, 'checkpoints'), fs, buffer);
    const copy = new Uint8Array(bytes).fill(1);
    const turns: Timed[] = [
      (samples) => save(store, optimizer, samples),
      (samples) => plainWrite(join(folder, 'plain'), plain, samples),
      (samples) => load(store.pathOf('last.safetensors'), samples),
      (samples) => plainRead(join(folder, 'plain'), bytes, samples),
    ];
    const samples: Record<string, number[]> = {};
    for (let round = -1; round < rounds; round++) {
      // Every other round in pairs the other way round: a disk that slows down favours nobody.
      const order = round % 2 === 0 ? turns : [turns[1], turns[0], turns[3], turns[2]];
      const kept = round === -1 ? {} : samples;
      if (round === -1) await save(store, optimizer, kept);
      plainCopy(copy, plain, kept);
      for (const turn of order) await turn(kept);
      await stall(store, optimizer, kept);
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
  report.compare(testCase, 'waits', 'plain-copy');
  report.compare(testCase, 'save', 'plain-write');
  report.compare(testCase, 'load', 'plain-read');
  const blocked = Math.max(of('waits'), of('longest-stall'));
  report.note(`training waits under ${targets.blocked} ms: ${verdict(blocked < targets.blocked)}`);
  // What everything would take, copied as fast as the memory of this machine is.
  const copy = of('waits') / of('plain-copy');
  report.note(`at most ${targets.copy} x a plain copy: ${verdict(copy <= targets.copy)}`);
  const [write, read] = [of('save') / of('plain-write'), of('load') / of('plain-read')];
  report.note(
    `save at most ${targets.write} x write + fsync: ${verdict(write <= targets.write)}; ` +
      `verified load at most ${targets.read} x read: ${verdict(read <= targets.read)}`,
  );
}

/** AdamW over parameters of several sizes, with a few updates behind it. */
function someOptimizer(): AdamW {
  const sizes = [9e6, 2e6, 1e6, 4e5, 9e4, 1e4];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const factor = stateBytes / 4 / 3 / total;
  const optimizer = new AdamW();
  const parameters = sizes.map((size, index) => ({
    name: `layer${index}`,
    variable: tf.variable(tf.fill([Math.round(size * factor)], index + 0.5)),
  }));
  optimizer.bind(new ParameterArena(parameters, { spares: optimizer.spares }));
  optimizer.arena.grads.fill(0.1);
  for (let update = 0; update < 3; update++) optimizer.step();
  return optimizer;
}

/** As a fit has them: weights to be copied, state that the optimizer lends. */
function tensorsOf(optimizer: AdamW): { tensors: NamedTensor[]; release: () => void } {
  const { arena } = optimizer;
  const release = optimizer.lendState();
  const weights = arena.segments.map((segment): NamedTensor => {
    const data = arena.part(arena.values, segment);
    return { name: `model/${segment.name}`, shape: [data.length], data };
  });
  const state = Object.entries(optimizer.stateTensors()).map(([name, data]): NamedTensor => {
    return { name: `optim/${name}`, shape: [data.length], data, lent: release !== null };
  });
  return { tensors: [...weights, ...state], release: () => release?.() };
}

function requestOf(optimizer: AdamW, kinds: readonly CheckpointKind[]): SaveRequest {
  const { tensors, release } = tensorsOf(optimizer);
  const info = { step: optimizer.steps, epoch: 0, metrics: {}, versions: {}, config: null };
  return { file: 'last', kinds, collect: () => ({ info, state: {}, tensors }), release };
}

async function save(
  store: CheckpointStore,
  optimizer: AdamW,
  samples: Record<string, number[]>,
): Promise<void> {
  const update = timed(() => optimizer.step());
  const started = performance.now();
  const pending = await store.save(requestOf(optimizer, ['last']));
  const blocked = performance.now() - started;
  const after = timed(() => optimizer.step());
  await pending.written;
  note(samples, 'save', performance.now() - started);
  note(samples, 'blocked', blocked);
  note(samples, 'update', update);
  note(samples, 'update-after', after);
  note(samples, 'waits', blocked + Math.max(0, after - update));
}

/** A save of its own: looking at the event loop takes a core, which the save should have. */
async function stall(
  store: CheckpointStore,
  optimizer: AdamW,
  samples: Record<string, number[]>,
): Promise<void> {
  const { written } = await store.save(requestOf(optimizer, []));
  note(samples, 'longest-stall', await longestStall(written));
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
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
