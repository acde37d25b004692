import { describe, expect, it } from '@jest/globals';
import { type FrozenTrial, Study } from '../../../runtime/src/hpo/index.ts';
import { SameFailures } from '../../../runtime/src/tuning/sameFailures.ts';

async function ended(reason: string | null): Promise<FrozenTrial> {
  const study = await Study.create();
  const trial = await study.ask();
  if (reason === null) return study.tell(trial, 1);
  return study.tell(trial, undefined, { state: 'FAIL', userAttrs: { fail_reason: reason } });
}

async function reasonAfter(reasons: readonly (string | null)[]): Promise<string | undefined> {
  const failures = new SameFailures();
  for (const reason of reasons) failures.add(await ended(reason));
  return failures.reason;
}

const bug = (step: number): string => `failed:exception: no shape [${step}, 10]\n    at Net`;
const why = 'failed:exception: no shape [1, 10]';

describe('a search in which all fails', () => {
  it('is hopeless after three equal failures from the start', async () => {
    expect(await reasonAfter([bug(1), bug(2)])).toBeUndefined();
    expect(await reasonAfter([bug(1), bug(2), bug(3)])).toBe(why);
    expect(await reasonAfter([bug(1), bug(2), bug(3), null])).toBe(why);
  });

  it.each([
    ['one succeeds', [bug(1), null, bug(2), bug(3), bug(4)]],
    ['failures differ', [bug(1), 'failed:exception: else', bug(2), bug(3)]],
    ['parameters are to blame', Array(4).fill('failed:nan: val/loss was NaN at update 3')],
    ['memory is to blame', Array(4).fill('failed:oom: out of memory')],
  ])('is not when %s', async (_, reasons: (string | null)[]) => {
    expect(await reasonAfter(reasons)).toBeUndefined();
  });
});
