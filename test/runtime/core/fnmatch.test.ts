import { describe, expect, it } from '@jest/globals';
import { fnmatch } from '../../../runtime/src/core/fnmatch.ts';

describe('fnmatch', () => {
  it.each([
    ['*', 'a.b/c', true],
    ['*.bias', 'body.0.bias', true],
    ['*.bias', 'bias', false],
    ['body.?.kernel', 'body.1.kernel', true],
    ['body.?.kernel', 'body.12.kernel', false],
    ['layer[0-3]', 'layer2', true],
    ['layer[!0-3]', 'layer2', false],
    ['layer[!0-3]', 'layer7', true],
    ['a.b', 'axb', false],
    ['a+(b)|c', 'a+(b)|c', true],
    ['a[', 'a[', true],
    ['val/*', 'val/loss', true],
    ['val', 'val/loss', false],
    ['Val/*', 'val/loss', false],
  ])('%s on %s: %p', (pattern, name, expected) => {
    expect(fnmatch(pattern)(name)).toBe(expected);
  });
});
