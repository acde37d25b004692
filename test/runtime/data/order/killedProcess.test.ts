import { describe, expect, it } from '@jest/globals';
import { killRuns } from '../../../dataResume/killRuns.ts';

// `npm run test:data-resume` kills 30 times; so does the full suite.
const kills = process.env.LIGHTBOX_TEST_FULL === '1' ? 30 : 1;

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
