import { describe, expect, it } from '@jest/globals';
import { killResume } from '../resume/killResume.ts';

// `npm run test:resume` kills 50 times, and so does the full suite.
const full = process.env.LIGHTBOX_TEST_FULL === '1';
const kills = full ? 50 : 10;
const minutes = 60_000;

describe('a training that is killed again and again', () => {
  it(
    'ends with the weights, lines and checkpoints of one that never was',
    async () => {
      const { differences, inPhase, ...result } = await killResume(kills);
      expect(differences).toEqual([]);
      expect(result.kills).toBe(kills);
      const least = Math.floor(kills / 4);
      for (const count of Object.values(inPhase)) expect(count).toBeGreaterThanOrEqual(least);
      if (kills >= 50) expect(result.halfWritten).toBeGreaterThanOrEqual(5);
    },
    15 * minutes,
  );

  // Minutes; test/runtime/trainer/rounds.test.ts resumes rounds after every batch in one process.
  (full ? it : it.skip)(
    'does so too with two optimizers in rounds',
    async () => {
      const { differences } = await killResume(13, { module: 'DigitGan', seed: 2 });
      expect(differences).toEqual([]);
    },
    15 * minutes,
  );

  it(
    'does not when a random key is missing in its checkpoints',
    async () => {
      const { differences } = await killResume(4, { planted: true });
      expect(differences.join()).toMatch(/weights/);
    },
    5 * minutes,
  );
});
