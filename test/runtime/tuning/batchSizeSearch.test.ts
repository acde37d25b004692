import { describe, expect, it } from '@jest/globals';
import {
  chooseBatchSize,
  nextBatchSize,
  type BatchSizeTrial,
} from '../../../runtime/src/tuning/batchSizeSearch.ts';

const limits = { initVal: 4, maxTrials: 5, maxBytes: 2 ** 30 };

function trial(size: number, samplesPerSecond: number, megabytes = 100): BatchSizeTrial {
  const peakBytes = megabytes * 2 ** 20;
  return { size, measure: { samplesPerSecond, samplesPerBatch: size, peakBytes } };
}

describe('the next batch size', () => {
  it('is the first, then twice the last', () => {
    expect(nextBatchSize([], limits)).toEqual({ type: 'try', size: 4 });
    expect(nextBatchSize([trial(4, 1)], limits)).toEqual({ type: 'try', size: 8 });
  });

  it.each<[string, BatchSizeTrial[], RegExp]>([
    ['failed', [trial(4, 1), { size: 8, measure: null, failure: 'killed' }], /8 failed: killed/],
    ['was the last allowed', [4, 8, 16, 32, 64].map((size) => trial(size, 1)), /max_trials 5/],
    [
      'is larger than the data',
      [{ size: 8, measure: { samplesPerSecond: 1, samplesPerBatch: 6, peakBytes: 1 } }],
      /no batches of 8/,
    ],
    ['would not fit when doubled', [trial(4, 1, 200), trial(8, 1, 500)], /16 would need .*1\.1 GB/],
  ])('is not tried when the last one %s', (_, trials, reason) => {
    const next = nextBatchSize(trials, limits);
    expect(next.type === 'end' ? next.reason : next).toMatch(reason);
  });
});

describe('the chosen batch size', () => {
  const trials = [trial(4, 100), trial(8, 196), trial(16, 200), trial(32, 150)];

  it('is the smallest of the fastest, or the largest', () => {
    expect(chooseBatchSize(trials, 'throughput')).toBe(8);
    expect(chooseBatchSize(trials, 'largest')).toBe(32);
  });

  it('is none where none could be trained', () => {
    expect(chooseBatchSize([{ size: 4, measure: null }], 'largest')).toBeNull();
  });
});
