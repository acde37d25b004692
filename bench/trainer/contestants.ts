import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import {
  FlowProgressBarCallback,
  ModelCheckpoint,
  PauseCallback,
} from '../../runtime/dist/callbacks/index.js';
import { createTerminal } from '../../runtime/dist/cli/processTerminal.js';
import { disposeBatch, toTensors } from '../../runtime/dist/core/batch.js';
import type { Terminal } from '../../runtime/dist/core/ports.js';
import { Adam } from '../../runtime/dist/core/optim/index.js';
import { ParameterArena } from '../../runtime/dist/engine/arena/parameterArena.js';
import { computeGradients } from '../../runtime/dist/engine/gradients.js';
import { Trainer } from '../../runtime/dist/trainer/trainer.js';
import type { TrainerOptions } from '../../runtime/dist/trainer/trainerOptions.js';
import { subjects, workloads, type Subject, type WorkloadName } from './subjects.ts';
import { addedInTurn, Network, StampedLoader, Turns } from './workload.ts';

/** What a run took, and what came out. */
export interface RunOutcome {
  /** Milliseconds of one update: by the clock, and of computing in all threads. */
  readonly wall: number;
  readonly cpu: number;
  /** The median, which what happens now and then does not move. */
  readonly typical: number;
  /** Checksum of the final weights. */
  readonly weights: string;
}

const everything = subjects.indexOf('+pause');

/** Trains a workload once, from the same weights over the same batches. */
export async function run(name: WorkloadName, subject: Subject): Promise<RunOutcome> {
  const level = subjects.indexOf(subject);
  const module = new Network(workloads[name], level >= subjects.indexOf('+logging'));
  const loader = new StampedLoader(workloads[name]);
  try {
    if (subject === 'bare-loop') await bareLoop(module, loader);
    else await underTrainer(module, loader, subject);
    return { ...loader.perUpdate(), weights: checksum(module) };
  } finally {
    module.dispose();
  }
}

/** Trains beside the bare loop, an update each in turn. @returns what each update took longer, in ms */
export async function runInTurn(name: WorkloadName, subject: Subject): Promise<number[]> {
  const turns = new Turns();
  const workload = { ...workloads[name], ...workloads[name].inTurn };
  const logs = subjects.indexOf(subject) >= subjects.indexOf('+logging');
  const make = () => ({
    module: new Network(workload, logs),
    loader: new StampedLoader(workload, turns),
  });
  const [bare, ours] = [make(), make()];
  try {
    await Promise.all([
      bareLoop(bare.module, bare.loader),
      underTrainer(ours.module, ours.loader, subject),
    ]);
    if (checksum(bare.module) !== checksum(ours.module)) throw new Error('weights differ');
    return addedInTurn(ours.loader, bare.loader, workload);
  } finally {
    bare.module.dispose();
    ours.module.dispose();
  }
}

/** What somebody writes who wants no trainer; the loss is read in each step, as the trainer does. */
async function bareLoop(module: Network, loader: StampedLoader): Promise<void> {
  const arena = new ParameterArena(module.parameters());
  const optimizer = new Adam();
  optimizer.bind(arena);
  let index = 0;
  for await (const { data } of loader.iterate(0)) {
    const batch = toTensors(data);
    const loss = computeGradients(() => module.trainingStep(batch), arena);
    optimizer.step();
    if (!Number.isFinite(loss.dataSync()[0])) throw new Error(`no finite loss in ${String(index)}`);
    loss.dispose();
    disposeBatch(batch);
    index++;
  }
  arena.dispose();
}

async function underTrainer(module: Network, loader: StampedLoader, subject: Subject) {
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-bench-'));
  const terminal = subject === 'trainer' || subject === '+logging' ? undefined : screen();
  try {
    const options = {
      ...optionsOf(subject),
      defaultRootDir: folder,
      accelerator: 'ort',
      threads: 1,
    };
    const trainer = new Trainer(options, terminal === undefined ? {} : { terminal });
    await trainer.fit({ module, trainLoader: loader });
  } finally {
    terminal?.restore();
    rmSync(folder, { recursive: true });
  }
}

function optionsOf(subject: Subject): TrainerOptions {
  if (subject === 'default') return { maxEpochs: 1 };
  const level = subject === 'replayed' ? everything : subjects.indexOf(subject);
  const has = (one: Subject): boolean => level >= subjects.indexOf(one);
  return {
    maxEpochs: 1,
    logEveryNSteps: has('+logging') ? 1 : 1_000_000,
    logger: has('+logging'),
    enableProgressBar: false,
    enableModelSummary: false,
    enableCheckpointing: false,
    compile: subject === 'replayed' ? 'reduce-overhead' : null,
    callbacks: [
      ...(has('+bar') ? [new FlowProgressBarCallback()] : []),
      ...(has('+checkpoint') ? [new ModelCheckpoint({ every: '100 updates' })] : []),
      ...(has('+pause') ? [new PauseCallback()] : []),
    ],
  };
}

/** The terminal of the command line over streams that lead nowhere. */
function screen(): Terminal & { restore(): void } {
  const output = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), {
    isTTY: true,
    columns: 120,
    rows: 40,
  });
  const input = new PassThrough();
  const same = (): PassThrough => input;
  Object.assign(input, { isTTY: true, setRawMode: same, ref: same, unref: same });
  return createTerminal({
    input: input as unknown as NodeJS.ReadStream,
    output: output as unknown as NodeJS.WriteStream,
    env: { TERM: 'xterm', LANG: 'C.UTF-8' },
  });
}

function checksum(module: Network): string {
  const hash = createHash('sha256');
  for (const { variable } of module.parameters()) {
    hash.update(new Uint8Array(Float32Array.from(variable.dataSync()).buffer));
  }
  return hash.digest('hex').slice(0, 16);
}
