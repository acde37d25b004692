import type { Trial } from '../../runtime/src/hpo/index.ts';

const WEIGHTS = [1, 1.2, 3, 3.2];
const A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const P = [
  [1312, 1696, 5569, 124, 8283, 5886],
  [2329, 4135, 8307, 3736, 1004, 9991],
  [2348, 1451, 3522, 2883, 3047, 6650],
  [4047, 8828, 8732, 5743, 1091, 381],
];

/** Functions to be minimized, as in bench/python/hpo.py. */
export const problems = {
  branin: (trial: Trial): number => {
    const [x, y] = [trial.suggestFloat('x', -5, 10), trial.suggestFloat('y', 0, 15)];
    const inner = y - (5.1 / (4 * Math.PI ** 2)) * x ** 2 + (5 / Math.PI) * x - 6;
    return inner ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
  },
  hartmann6: (trial: Trial): number => {
    const x = axes(6).map((axis) => trial.suggestFloat(`x${axis}`, 0, 1));
    const hill = (row: number): number =>
      x.reduce((sum, value, axis) => sum + A[row][axis] * (value - P[row][axis] / 10000) ** 2, 0);
    return -WEIGHTS.reduce((sum, weight, row) => sum + weight * Math.exp(-hill(row)), 0);
  },
  rosenbrock4: (trial: Trial): number => {
    const x = axes(4).map((axis) => trial.suggestFloat(`x${axis}`, -5, 10));
    const step = (a: number, b: number): number => 100 * (b - a * a) ** 2 + (1 - a) ** 2;
    return step(x[0], x[1]) + step(x[1], x[2]) + step(x[2], x[3]);
  },
  mixed: (trial: Trial): number => {
    const rate = trial.suggestFloat('rate', 1e-5, 1e-1, { log: true });
    const layers = trial.suggestInt('layers', 1, 8);
    const drop = trial.suggestFloat('drop', 0, 0.5, { step: 0.05 });
    const kind = trial.suggestCategorical('kind', ['a', 'b', 'c']);
    const units = trial.suggestInt('units', 8, 512, { log: true });
    const shape = ((layers - 4) / 8) ** 2 + (Math.log2(units) - 6.5) ** 2 / 36;
    const choice = { a: 0.3, b: 0, c: 0.15 }[kind];
    return (Math.log10(rate) + 3) ** 2 / 4 + shape + (drop - 0.15) ** 2 + choice;
  },
};

export type ProblemName = keyof typeof problems;

function axes(count: number): number[] {
  return [...Array(count).keys()];
}
