import { describe, expect, it } from '@jest/globals';
import { didYouMean, isUsageError, nearest, UsageError } from '../../runtime/src/errors.ts';

describe('nearest', () => {
  it.each([
    ['max_epoch', 'max_epochs'],
    ['learning_rat', 'learning_rate'],
    ['LR', 'lr'],
    ['quite_other', undefined],
  ])('%s -> %s', (name, expected) => {
    expect(nearest(name, ['max_epochs', 'learning_rate', 'lr'])).toBe(expected);
  });

  it('says nothing when nothing is near', () => {
    expect(didYouMean('zzzzzz', ['abc'])).toBe('');
  });
});

describe('UsageError', () => {
  it('carries a code and keeps its cause', () => {
    const cause = new Error('inner');
    const error = new UsageError('ERR_X', 'outer', { cause });
    expect(error).toMatchObject({ code: 'ERR_X', name: 'UsageError', cause });
    expect(isUsageError(error)).toBe(true);
    expect(isUsageError(cause)).toBe(false);
  });
});
