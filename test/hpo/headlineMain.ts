import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { headline } from './headline.ts';

/**
 * `npm run test:hpo -- headline [trials] [random searches] [kills]`; LIGHTBOX_HEADLINE_DIR names
 * the folder, in which a second call goes on.
 * @returns what went wrong
 */
export async function runHeadline(sizes: readonly string[]): Promise<string[]> {
  const [trials = 100, randoms = 5, kills = 16] = sizes.map(Number);
  const given = process.env.LIGHTBOX_HEADLINE_DIR ?? '';
  const folder = given === '' ? mkdtempSync(join(tmpdir(), 'lightbox-headline-')) : given;
  console.log(`headline in ${folder}`);
  const result = await headline(folder, { trials, randoms, kills });
  console.log('headline:', JSON.stringify(result));
  const failures: string[] = [];
  if (!result.equal) failures.push('the killed search differs from the one that nobody killed');
  if (result.resumed === 0) failures.push('no trial went on from a checkpoint');
  if (result.trained !== result.best) {
    failures.push(`best.yaml trains to ${result.trained}, not ${result.best}`);
  }
  if (randoms > 0 && !/: not worse/.test(result.compared)) {
    failures.push(`the report says "${result.compared}"`);
  }
  if (result.best < result.medianRandom) {
    failures.push(`${result.best} is worse than the random searches' ${result.medianRandom}`);
  }
  if (result.minutes.search > 15) failures.push('the search took more than 15 minutes');
  return failures;
}
