import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { declaredSearchSpace, FixedTrial, Study } from '../../../runtime/src/hpo/index.ts';
import { freezeDeeply } from '../../../runtime/src/hpo/plain.ts';

const yaml = `
optimizer.learning_rate: { log: [1e-5, 1e-3] }
model.width: { int: [32, 256], step: 32 }
model.dropout: { uniform: [0, 0.5] }
model.depth: { int: [1, 3] }
model.activation: { choices: [relu, gelu, null] }
data.mix: { uniform: [0, 1], step: 0.25 }
`;

describe('a declared search space', () => {
  it('suggests under its dotted paths', async () => {
    const space = declaredSearchSpace(parse(yaml), 'a.yaml');
    const study = await Study.create({ seed: 3 });
    for (let index = 0; index < 20; index++) {
      const trial = await study.ask();
      const patch = space(trial, {});
      expect(patch).toEqual(trial.params);
      expect(Object.keys(patch)).toEqual(Object.keys(parse(yaml) as object));
      expect(Number(patch['model.width']) % 32).toBe(0);
      expect(Number(patch['data.mix']) % 0.25).toBe(0);
      expect(['relu', 'gelu', null]).toContain(patch['model.activation']);
    }
  });

  it.each([
    ['x: 3', 'a.yaml: x: expected for example { log: [1e-5, 1e-3] }, got 3'],
    ['x: { lgo: [1, 2] }', 'unknown key "lgo". Did you mean "log"?'],
    ['x: { step: 1 }', 'exactly one of log, uniform, int, choices; got none'],
    ['x: { int: [1, 2], log: [1, 2] }', 'got log and int'],
    ['x: { log: [0, 1] }', 'log needs low > 0'],
    ['x: { int: [1, 2.5] }', '2.5 is not an integer'],
    ['x: { uniform: [2, 1] }', 'low is above high'],
    ['x: { uniform: [1] }', '"uniform" must be [low, high], got [1]'],
    ['x: { uniform: [a, b] }', 'must be [low, high]'],
    ['x: { choices: [] }', 'at least one choice'],
    ['x: { choices: a }', '"choices" must be a list'],
    ['x: { choices: [[1]] }', 'choices are numbers, texts, booleans or null'],
    ['x: { choices: [1], step: 1 }', 'choices have no step'],
    ['x: { int: [1, 9], step: two }', 'step must be a number'],
    ['{}', 'the search space is empty'],
    ['[1]', 'expected a mapping of dotted paths'],
  ])('%s is refused', (text, message) => {
    expect(() => declaredSearchSpace(parse(text), 'a.yaml')).toThrow(message);
  });
});

describe('a fixed trial', () => {
  it('answers what it was given and the middle of everything else', () => {
    const trial = new FixedTrial({ given: 0.75 });
    expect(trial.suggestFloat('given', 0, 1)).toBe(0.75);
    expect(trial.suggestFloat('plain', 2, 4)).toBe(3);
    expect(trial.suggestFloat('log', 1e-4, 1e-2, { log: true })).toBeCloseTo(1e-3, 10);
    expect(trial.suggestInt('grid', 0, 64, { step: 16 })).toBe(32);
    expect(trial.suggestCategorical('choice', ['a', 'b'])).toBe('a');
    expect(Object.keys(trial.params)).toEqual(['given', 'plain', 'log', 'grid', 'choice']);
  });

  it('refuses a given value that the space does not contain', () => {
    const trial = new FixedTrial({ x: 2, n: 3, c: 'z' });
    expect(() => trial.suggestFloat('x', 0, 1)).toThrow('"x": 2 is not in float [0, 1]');
    expect(() => trial.suggestInt('n', 0, 8, { step: 2 })).toThrow('3 is not in int [0, 8] step 2');
    expect(() => trial.suggestCategorical('c', ['a'])).toThrow('"z" is not one of ["a"]');
  });
});

describe('a frozen configuration', () => {
  it('cannot be changed at any level', () => {
    fc.assert(
      fc.property(fc.object(), (config) => {
        const before = JSON.stringify(config);
        const frozen = freezeDeeply(config);
        const attempt = (value: unknown): void => {
          if (typeof value !== 'object' || value === null) return;
          expect(Object.isFrozen(value)).toBe(true);
          Object.values(value).forEach(attempt);
        };
        attempt(frozen);
        expect(JSON.stringify(frozen)).toBe(before);
      }),
    );
    const config = freezeDeeply({ model: { layers: [{ width: 1 }] } });
    expect(() => (config.model.layers[0].width = 2)).toThrow(TypeError);
    expect(() => config.model.layers.push({ width: 3 })).toThrow(TypeError);
  });
});
