import { describe, expect, it } from '@jest/globals';
import { killRuns } from '../../../dataResume/killRuns.ts';
import { killTraining } from '../../../dataResume/killTraining.ts';

// `npm run test:data-resume` kills 30 times; so does the full suite.
const full = process.env.LIGHTBOX_TEST_FULL === '1';
const kills = full ? 30 : 1;

describe('a killed process that consumes a mixture', () => {
  it('continues with the batches of an uninterrupted one', async () => {
    const result = await killRuns(kills, 200 * kills, false);
    expect(result).toMatchObject({ kills, mismatches: 0 });
    expect(result.batches).toBeGreaterThan(25 * kills);
  }, 600_000);

  it('does not when augmentation is keyed by the worker', async () => {
    const { mismatches } = await killRuns(1, 200, true);
    expect(mismatches).toBeGreaterThan(0);
  }, 60_000);
});

describe('a killed training on a mixture', () => {
  it('ends with the weights of an uninterrupted one', async () => {
    const result = await killTraining(full ? 6 : 1, false);
    expect(result).toMatchObject({ equal: true });
    expect(result.saved).toBeGreaterThanOrEqual(9);
  }, 600_000);

  // Three processes more; the quick suite has the same check on batches.
  if (full) {
    it('does not when augmentation is keyed by the worker', async () => {
      expect((await killTraining(1, true)).equal).toBe(false);
    }, 120_000);
  }
});
