import { describe, expect, it } from '@jest/globals';
import { WorkerEstimate } from '../../../../runtime/src/data/workers/workerEstimate.ts';

function estimate(cores: number, making: number, using: number): number | undefined {
  let now = 0;
  const subject = new WorkerEstimate(cores, () => now);
  for (let batch = 0; batch < 16; batch++) {
    subject.begin();
    now += making;
    subject.end();
    now += using;
    const threads = subject.threads();
    if (threads !== undefined) return threads;
  }
  return undefined;
}

describe('auto workers', () => {
  it.each([
    ['none when steps hardly wait', 8, 0.1, 9.9, 0],
    ['one when making is the smaller part', 8, 1, 9, 1],
    ['as many as keep up', 8, 30, 10, 3],
    ['one core fewer than there are', 4, 100, 1, 3],
    ['one on a single core', 1, 5, 5, 1],
  ])('%s', (_, cores, making, using, threads) => {
    expect(estimate(cores, making, using)).toBe(threads);
  });
});
