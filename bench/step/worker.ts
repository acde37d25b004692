/**
 * One tfjs subject in a process of its own, so that thread pools and memory are not shared.
 * Usage: worker.ts <ort-default|ort-replay|ort-autotune|ort-dynamic|tfjs-wasm|tfjs-cpu>[-1t]; answers JSON lines, see `peer.ts`.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { messageOf } from '../../runtime/dist/errors.js';
import { selectBackend, setDynamicShapes } from '../../runtime/dist/engine/index.js';
import * as tf from '../../runtime/dist/engine/tf.js';
import type { Request, Response } from './peer.ts';
import { lightboxStep, tfjsStep, type TrainStep } from './tfjsStep.ts';
import { batches, type CaseName, type StepBatch } from './workload.ts';

const accelerators: Record<string, string> = {
  'ort-default': 'ort',
  'ort-replay': 'ort',
  'ort-autotune': 'ort',
  'ort-dynamic': 'ort',
  'tfjs-wasm': 'wasm',
  'tfjs-cpu': 'cpu',
};

const oneThread = process.argv[2].endsWith('-1t');
const subject = process.argv[2].replace(/-1t$/, '');
const accelerator = accelerators[subject];
const mode =
  subject === 'ort-replay' ? 'replay' : subject === 'ort-autotune' ? 'autotune' : 'default';
let step: TrainStep | undefined;
let data: StepBatch[] = [];
let done = 0;

function answer(request: Request): Response {
  if (request.do === 'prepare') {
    step = accelerator === 'ort' ? lightboxStep(request.case, mode) : tfjsStep(request.case);
    data = (request.batchSizes ?? [undefined]).flatMap((size) => batches(request.case, size));
    done = 0;
    return { ms: [] };
  }
  if (request.do === 'product') return { ms: multiply(request.size, request.steps) };
  if (request.do === 'turns') return { ms: takeTurns(request.case, request.steps) };
  if (request.do !== 'run') throw new Error(`no such request: ${request.do}`);
  const ms: number[] = [];
  let loss = NaN;
  for (let count = 0; count < request.steps; count++) {
    const start = performance.now();
    loss = train(data[done++ % data.length]);
    ms.push(performance.now() - start);
  }
  // Garbage that waits for collection is not growth; but a forced collection also throws compiled
  // code away, which the next burst would pay for.
  if (request.collectGarbage === true) global.gc?.();
  const { numTensors: tensors } = tf.memory();
  return { ms, loss, tensors, rssMb: rssMb(), peakMb: peakMb(), threads: threadCount() };
}

function train(batch: StepBatch): number {
  if (step === undefined) throw new Error('prepare comes first');
  return step(batch);
}

function multiply(size: number, count: number): number[] {
  const matrix = tf.fill([size, size], 0.5);
  const ms = Array.from({ length: count }, () => {
    const start = performance.now();
    const product = tf.matMul(matrix, matrix);
    product.dataSync();
    product.dispose();
    return performance.now() - start;
  });
  matrix.dispose();
  return ms;
}

function rssMb(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

/** Threads of this process, where the system tells. */
function threadCount(): number | undefined {
  try {
    return Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** Alternating with twice as many steps alone, so that both see the same moments of the machine. */
function takeTurns(name: CaseName, steps: number): number[] {
  const pair = [1, 2].map(() => lightboxStep(name, mode));
  const own = batches(name);
  const time = (run: () => void): number => {
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  const middle = (samples: number[]): number =>
    samples.toSorted((a, b) => a - b)[samples.length >> 1];
  const ms: number[] = [];
  for (let round = 0; round < 6; round++) {
    const alone = pair.map((train) =>
      middle(Array.from({ length: steps }, (_, n) => time(() => train(own[n % own.length])))),
    );
    const inTurn = Array.from({ length: steps }, (_, n) =>
      time(() => {
        for (const train of pair) train(own[n % own.length]);
      }),
    );
    // The first round compiles.
    if (round > 0) ms.push(alone[0] + alone[1], middle(inTurn));
  }
  return ms;
}

function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

await selectBackend({ accelerator, ...(oneThread && { threads: 1 }) });
setDynamicShapes(subject === 'ort-dynamic');
for await (const line of createInterface({ input: process.stdin })) {
  let response: Response;
  try {
    response = answer(JSON.parse(line) as Request);
  } catch (error) {
    response = { error: messageOf(error) };
  }
  process.stdout.write(`${JSON.stringify(response)}\n`);
}
