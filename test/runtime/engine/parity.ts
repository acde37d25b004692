import { expect } from '@jest/globals';
import {
  engineCounters,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { difference, distinct } from './compare.ts';

type Compile = Parameters<tf.LayersModel['compile']>[0];
type Loss = Compile['loss'];
type Metrics = NonNullable<Compile['metrics']>;

/** A model and how it is trained; everything is made anew on each back end. */
export interface Subject {
  readonly model: () => tf.LayersModel;
  /** The inputs of one batch. */
  readonly x: () => tf.Tensor | tf.Tensor[];
  /** The targets; values in the shape of the outputs by default. */
  readonly y?: () => tf.Tensor | tf.Tensor[];
  readonly loss?: Loss;
  readonly optimizer?: () => tf.Optimizer;
  readonly metrics?: Metrics;
  /** Training steps; 20 by default. */
  readonly steps?: number;
}

/** What training gives: compared between back ends. */
export interface Outcome {
  readonly losses: number[];
  readonly weights: number[];
}

/** For models of many kernels: all 20 steps only in `npm run test:full`. */
export const fewSteps = process.env.LIGHTBOX_TEST_FULL === undefined ? 6 : 20;

/** Trains some steps on `cpu` and on `ort`: equal losses and weights, and no fallback on the way. */
export async function expectSameTraining(subject: Subject): Promise<void> {
  await expectSameOutcome(async () => {
    const model = subject.model();
    initialize(model);
    model.compile({
      optimizer: subject.optimizer?.() ?? tf.train.sgd(0.02),
      loss: subject.loss ?? 'meanSquaredError',
      metrics: subject.metrics ?? [],
    });
    const x = subject.x();
    const y = subject.y?.() ?? targets(model, x);
    resetEngineCounters();
    const losses: number[] = [];
    for (let step = 0; step < (subject.steps ?? 20); step++) {
      losses.push(...[await model.trainOnBatch(x, y)].flat());
    }
    const weights = weightsOf(model);
    model.dispose();
    return { losses, weights };
  });
}

/**
 * Runs the same training on `cpu` and on `ort`. Fallbacks count from the last
 * `resetEngineCounters` on, so that what comes before the steps may have some.
 */
export async function expectSameOutcome(
  run: () => Promise<Outcome>,
  weightTolerance = 1e-3,
): Promise<void> {
  const cpu = await runOn('cpu', run);
  const ort = await runOn('ort', run);
  const { fallbacks } = engineCounters();
  expect(cpu.losses.every((loss) => Number.isFinite(loss))).toBe(true);
  // A model that does not learn would agree with anything.
  expect(cpu.losses.at(-1)).not.toBe(cpu.losses[0]);
  expect(difference(ort.losses, cpu.losses)).toBeLessThan(1e-3);
  expect(difference(ort.weights, cpu.weights)).toBeLessThan(weightTolerance);
  expect(fallbacks).toEqual({});
}

/** Gives a model the same weights everywhere. */
export function initialize(model: tf.LayersModel): void {
  model.setWeights(model.weights.map(initialValue));
}

/** All weights of a model in a row. */
export function weightsOf(model: tf.LayersModel): number[] {
  return model.getWeights().flatMap((weight) => [...weight.dataSync()]);
}

async function runOn(accelerator: string, run: () => Promise<Outcome>): Promise<Outcome> {
  await selectBackend({ accelerator, threads: 1 });
  const { random } = Math;
  Math.random = repeatable();
  try {
    resetEngineCounters();
    return await run();
  } finally {
    Math.random = random;
  }
}

function targets(model: tf.LayersModel, x: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  const [first] = [x].flat();
  return model.outputs.map(({ shape }, index) =>
    distinct([first.shape[0], ...shape.slice(1).map(Number)], 50 + index, -1, 1),
  );
}

/** Small values, and positive ones where a scale or a variance is meant. */
function initialValue({ name, shape }: tf.LayerVariable, index: number): tf.Tensor {
  const sizes = shape.map(Number);
  const isScale = name.includes('gamma') || name.includes('variance');
  return isScale ? distinct(sizes, index, 0.5, 1.5) : distinct(sizes, index, -0.4, 0.4);
}

/** tfjs's random ops and dropout seed themselves from Math.random. */
function repeatable(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
