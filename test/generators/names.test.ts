import { describe, expect, it } from '@jest/globals';
import { modelNameProblem, projectNameProblem, wordsOf } from '../../generators/common/names.ts';

const badEverywhere: [name: string, why: RegExp][] = [
  ['', /empty/],
  ['.', /path/],
  ['..', /path/],
  ['../x', /path/],
  ['a/b', /path/],
  ['/abs', /path/],
  ['a\\b', /path/],
  ['..\\x', /path/],
  ['C:\\x', /path/],
  ['c:x', /path/],
  ['a\0b', /control/],
  ['a\nb', /control/],
  ['a\u001b[31m', /control/],
  ['a\u200bb', /invisible/],
  ['a\u2028b', /control|invisible/],
  ['a\u2024\u2024b', /looks like/],
  ['a\uff0eb', /looks like/],
  ['a\u2215b', /looks like/],
  ['a.', /ends with a dot/],
  ['a ', /ends with a dot or a space/],
  [' a', /begins with/],
  ['.a', /begins with/],
  ['con', /Windows/],
  ['NUL', /Windows/],
  ['com1', /Windows/],
  ['lpt9.net', /Windows/],
  ['aux.txt', /Windows/],
  ['a'.repeat(65), /at most 64/],
  ['__proto__', /reserved/],
  ['constructor', /reserved/],
  ['-x', /begins with/],
  ['--help', /begins with/],
  ['a b', /may hold/],
  ["a'b", /may hold/],
  ['a;b', /may hold/],
  ['$(x)', /may hold/],
  ['größe', /may hold/],
];

describe('project names', () => {
  it.each(badEverywhere)('refuses %j', (name, why) => {
    expect(projectNameProblem(name)).toMatch(why);
  });

  it.each([
    ['My-Net', /For example: my-net/],
    ['fs', /Node's modules/],
    ['jest', /depends on/],
    ['node_modules', /npm refuses/],
    ['_x', /begins with a letter/],
  ])('refuses %j', (name, why) => {
    expect(projectNameProblem(name)).toMatch(why);
  });

  it.each(['my-net', 'a', '3d-net', 'net.v2', 'a_b', 'a'.repeat(64), 'consoles', 'class'])(
    'takes %j',
    (name) => {
      expect(projectNameProblem(name)).toBeNull();
    },
  );
});

describe('model names', () => {
  it.each(badEverywhere)('refuses %j', (name, why) => {
    expect(modelNameProblem(name)).toMatch(why);
  });

  it.each([
    ['3d', /begins with a digit/],
    ['class', /word of the language/],
    ['await', /word of the language/],
    ['type', /word of the language/],
    ['net.v2', /may hold/],
    ['_x', /begins with a letter/],
  ])('refuses %j', (name, why) => {
    expect(modelNameProblem(name)).toMatch(why);
  });

  it.each(['digits', 'digitCNN', 'digit-cnn_v2', 'A', 'map', 'object-net', 'a'.repeat(64)])(
    'takes %j',
    (name) => {
      expect(modelNameProblem(name)).toBeNull();
    },
  );
});

describe('wordsOf', () => {
  it('splits at capitals, dashes and underscores', () => {
    expect(wordsOf('digitCNN-v2_big')).toEqual(['digit', 'CNN', 'v2', 'big']);
  });
});
