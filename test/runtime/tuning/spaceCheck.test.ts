import { describe, expect, it } from '@jest/globals';
import { isUsageError } from '../../../runtime/src/errors.ts';
import type { SearchSpace } from '../../../runtime/src/hpo/index.ts';
import { checkSpace } from '../../../runtime/src/tuning/spaceCheck.ts';

const config = { monitor: 'val/loss', mode: 'min' as const };
const check = (space: SearchSpace) => checkSpace(space, config, {}, () => Promise.resolve());

describe('a search space in code', () => {
  it.each<[string, SearchSpace, string]>([
    [
      'bounds in the wrong order',
      (trial) => ({ 'model.width': trial.suggestInt('width', 9, 2) }),
      'the search space: parameter "width": int [9, 2]: low is above high',
    ],
    [
      'a logarithm of 0',
      (trial) => ({ 'model.rate': trial.suggestFloat('rate', 0, 1, { log: true }) }),
      'parameter "rate": float [0, 1]: log needs low > 0',
    ],
    [
      'no choices',
      (trial) => ({ 'model.act': trial.suggestCategorical('act', []) }),
      'parameter "act": a categorical parameter needs at least one choice',
    ],
    ['a number', () => 5 as never, 'expected an object of dotted paths and values'],
    ['nothing', () => undefined as never, 'got undefined'],
  ])('is refused for %s, as a mistake of the user', async (_name, space, message) => {
    const error: unknown = await check(space).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(isUsageError(error)).toBe(true);
    expect((error as Error).message).toContain(message);
  });

  it('throws its own errors on', async () => {
    const own = new TypeError('mine');
    const space = (): never => {
      throw own;
    };
    await expect(check(space)).rejects.toBe(own);
  });
});
