import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { FrozenTrial } from '../../../runtime/src/hpo/frozenTrial.ts';
import { hypervolume } from '../../../runtime/src/hpo/hypervolume.ts';
import { parsePythonJson } from '../../../runtime/src/hpo/pythonJson.ts';
import { CmaEs } from '../../../runtime/src/hpo/samplers/cmaEs/cmaEs.ts';
import { selectElite } from '../../../runtime/src/hpo/samplers/nsga2/elite.ts';
import { halton } from '../../../runtime/src/hpo/samplers/qmc/halton.ts';
import { sobol } from '../../../runtime/src/hpo/samplers/qmc/sobol.ts';
import type { Direction } from '../../../runtime/src/hpo/trialState.ts';

type Rows = number[][];

type Case =
  | { kind: 'sobol'; points: Rows }
  | { kind: 'halton'; points: Rows }
  | {
      kind: 'cma';
      size: number;
      population: number;
      generations: {
        points: Rows;
        losses: number[];
        mean: number[];
        sigma: number;
        covariance: number[];
      }[];
    }
  | {
      kind: 'elite';
      directions: Direction[];
      trials: Pick<FrozenTrial, 'values' | 'systemAttrs'>[];
      size: number;
      elite: number[];
    }
  | { kind: 'volume'; points: Rows; reference: number[]; volume: number };

const file = new URL('fixtures/optuna-5.0.0-samplers.jsonl', import.meta.url);
const cases = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => parsePythonJson(line) as Case);

function of<K extends Case['kind']>(kind: K): Extract<Case, { kind: K }>[] {
  return cases.filter((each): each is Extract<Case, { kind: K }> => each.kind === kind);
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const differences = expected.map((value, at) => Math.abs(value - actual[at]));
  expect(Math.max(...differences)).toBeLessThan(1e-9);
}

describe('sequences', () => {
  it('are those of scipy, of Sobol in the first dimensions and the last', () => {
    const [{ points }] = of('sobol');
    const axes = [0, 1, 2, 17, 64, 127];
    for (const [index, point] of points.entries()) {
      expect(axes.map((axis) => sobol(axis, index, undefined))).toEqual(point);
    }
  });

  it('are those of scipy, of Halton', () => {
    const [{ points }] = of('halton');
    for (const [index, point] of points.entries()) {
      expectClose(
        point.map((_, axis) => halton(axis, index, 0)),
        point,
      );
    }
  });

  it.each([1, 77, 0xffffffff])('stay even when they are scrambled by %p', (seed) => {
    for (let axis = 0; axis < 128; axis++) {
      const cells = Array.from({ length: 64 }, (_, index) =>
        Math.floor(64 * sobol(axis, index, seed)),
      );
      expect(new Set(cells).size).toBe(64);
    }
    const differ = [0, 1, 2, 3].map((index) => sobol(0, index, seed) !== sobol(0, index, 2));
    expect(differ).toContain(true);
  });
});

describe('CMA-ES', () => {
  it.each(of('cma'))('is that of the cmaes package in $size dimensions', (each) => {
    const optimizer = new CmaEs(each.size, each.size === 6 ? 15 : undefined);
    expect(optimizer.population).toBe(each.population);
    for (const { points, losses, mean, sigma, covariance } of each.generations) {
      optimizer.tell(points.map((point, index) => ({ point, loss: losses[index] })));
      expectClose(optimizer.mean, mean);
      expectClose([optimizer.sigma], [sigma]);
      expectClose(optimizer.covariance, covariance);
    }
  });
});

describe('NSGA-II', () => {
  it.each(of('elite'))('selects as Optuna does: $directions, $size', (each) => {
    const trials = each.trials.map((trial, number) => ({ ...trial, number }) as FrozenTrial);
    const elite = selectElite(trials, each.directions, each.size);
    expect(elite.map(({ number }) => number)).toEqual(each.elite);
  });
});

describe('the hypervolume', () => {
  it('is that of Optuna with 2 to 5 objectives', () => {
    for (const { points, reference, volume } of of('volume')) {
      expect(hypervolume(points, reference)).toBeCloseTo(volume, 9);
    }
  });
});
