import { beforeAll, describe, expect, it } from '@jest/globals';
import { memoryUsage } from 'node:process';
import {
  engineCounters,
  onNotice,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import { materialize } from '../../../runtime/src/engine/storage.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { distinct } from './compare.ts';

const MOST_SESSIONS = 64;

beforeAll(async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
});

describe('training with changing shapes', () => {
  it('leaves tensors, data and sessions bounded', () => {
    const weights = tf.variable(distinct([4, 3], 1));
    const optimizer = tf.train.adam(0.01);
    const step = (rows: number) => {
      const loss = optimizer.minimize(
        () => {
          const y = tf.matMul(tf.ones([rows, 4]), weights);
          return tf.mean<tf.Scalar>(tf.square(tf.relu(y)));
        },
        true,
        [weights],
      );
      const value = loss?.dataSync()[0];
      loss?.dispose();
      return value;
    };
    const pass = () =>
      tf.tidy(() => Array.from({ length: 300 }, (_, n) => step(1 + (n % 90))).length);
    step(1);
    const before = tf.memory();
    resetEngineCounters();
    expect(pass()).toBe(300);
    const after = tf.memory();
    expect(after.numTensors).toBe(before.numTensors);
    expect(after.numDataBuffers).toBe(before.numDataBuffers);
    expect(after.numBytes).toBe(before.numBytes);
    const { sessions, evictions, compilations, sessionBytes } = engineCounters();
    expect(sessions).toBeLessThanOrEqual(MOST_SESSIONS);
    expect(evictions).toBeGreaterThan(0);
    expect(compilations).toBeGreaterThanOrEqual(90);
    expect(sessionBytes).toBeLessThanOrEqual(2 ** 30);
    tf.dispose([weights]);
  });

  it('says so once, with the shapes', () => {
    const notices: string[] = [];
    const stop = onNotice((notice) => {
      if (notice.kind === 'churn') notices.push(notice.message);
    });
    stop();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/float32\d/);
  });
});

it('frees what tidy disposes, pending or not', () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const x = tf.ones([8]);
    tf.add(x, 1).dataSync();
    tf.exp(tf.add(x, 2));
  });
  expect(tf.memory().numTensors).toBe(before);
});

it('reads a tensor whose inputs were disposed before it was computed', () => {
  const x = tf.tensor1d([1, 2, 3]);
  const y = tf.square(x);
  x.dispose();
  expect([...y.dataSync()]).toEqual([1, 4, 9]);
});

it('makes no copies of what graphs write', () => {
  const [values, into] = [tf.tensor1d(new Float32Array(250_000)), new Float32Array(250_000)];
  const run = () => {
    tf.tidy(() => {
      materialize([{ tensor: tf.add(values, 1), into }]);
    });
  };
  run();
  const before = memoryUsage().arrayBuffers;
  for (let count = 0; count < 3; count++) run();
  expect(into.every((value) => value === 1)).toBe(true);
  expect(memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
  values.dispose();
});
