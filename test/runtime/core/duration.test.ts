import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from '../../../runtime/src/core/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['100 updates', 100, 'updates'],
    ['1 update', 1, 'updates'],
    ['800 batches', 800, 'batches'],
    ['2 epochs', 2, 'epochs'],
    ['0.5 epochs', 0.5, 'epochs'],
    ['10 min', 600, 'seconds'],
    ['90s', 90, 'seconds'],
    ['25%', 0.25, 'fraction'],
    ['3 validations', 3, 'validations'],
  ])('%s', (text, amount, unit) => {
    expect(parseDuration(text, 'key')).toEqual({ amount, unit });
  });

  it.each(['', '0 updates', '-1 epochs', '1.5 updates', '120%', 'soon', '5 parsecs', 5, '5'])(
    'refuses %j, naming the key and the value',
    (text) => {
      expect(() => parseDuration(text, 'trainer.val_check_interval')).toThrow(
        expect.objectContaining({
          code: 'ERR_DURATION',
          message: expect.stringContaining(`trainer.val_check_interval: expected`),
        }),
      );
    },
  );

  it('shows the two spellings that a bare number could have meant', () => {
    expect(() => parseDuration(500, 'k')).toThrow(/"500 updates" or "500 batches"/);
    expect(() => parseDuration(0.25, 'k')).toThrow(/write "25%" for a share of the epoch/);
  });

  it.each(['100 updates', '1 batch', '2 epochs', '25%', '90 s'])('prints %s again', (text) => {
    expect(formatDuration(parseDuration(text, 'key'))).toBe(text);
  });
});
