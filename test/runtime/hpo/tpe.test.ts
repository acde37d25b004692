import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { ParamValue } from '../../../runtime/src/hpo/distribution.ts';
import { distributionFromJson } from '../../../runtime/src/hpo/distributionJson.ts';
import type { FrozenTrial } from '../../../runtime/src/hpo/frozenTrial.ts';
import { parsePythonJson } from '../../../runtime/src/hpo/pythonJson.ts';
import { groupedSpaces } from '../../../runtime/src/hpo/samplers/intersectionSpace.ts';
import type { Kernels } from '../../../runtime/src/hpo/samplers/tpe/kernels.ts';
import type { ParzenEstimator } from '../../../runtime/src/hpo/samplers/tpe/parzenEstimator.ts';
import { countBelow, splitTrials } from '../../../runtime/src/hpo/samplers/tpe/splitTrials.ts';
import { TpeSampler } from '../../../runtime/src/hpo/samplers/tpe/tpeSampler.ts';
import type { Direction, TrialState } from '../../../runtime/src/hpo/trialState.ts';
import { Rng } from '../../../runtime/src/random/rng.ts';

interface Estimator {
  weights: number[];
  kernels: ({ mu: number[]; sigma: number[] } | { rows: number[][] })[];
  logDensities: number[];
}

interface Case {
  name: string;
  directions: Direction[];
  multivariate: boolean | null;
  group: boolean;
  relative: string[];
  trials: {
    state: TrialState;
    values: number[] | null;
    params: Record<string, ParamValue>;
    distributions: Record<string, string>;
    systemAttrs: FrozenTrial['systemAttrs'];
    reports: [number, number][];
  }[];
  parts: {
    space: string[];
    below: number[];
    points: Record<string, number[]>;
    estimators: { below: Estimator; above: Estimator };
  }[];
}

const file = new URL('fixtures/optuna-5.0.0-tpe.jsonl', import.meta.url);
const cases = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => parsePythonJson(line) as Case);

function frozen(trial: Case['trials'][number], number: number): FrozenTrial {
  return {
    id: number,
    number,
    state: trial.state,
    values: trial.values,
    params: trial.params,
    distributions: Object.fromEntries(
      Object.entries(trial.distributions).map(([name, text]) => [name, distributionFromJson(text)]),
    ),
    userAttrs: {},
    systemAttrs: trial.systemAttrs,
    intermediateValues: new Map(trial.reports),
    datetimeStart: null,
    datetimeComplete: null,
  };
}

/** The largest difference, relative above 1. */
function distance(actual: Iterable<number>, expected: readonly number[]): number {
  const list = [...actual];
  expect(list).toHaveLength(expected.length);
  return Math.max(
    0,
    ...list.map((value, at) =>
      value === expected[at] ? 0 : Math.abs(value - expected[at]) / Math.max(1, Math.abs(value)),
    ),
  );
}

function rowsOf(kernels: Extract<Kernels, { kind: 'categorical' }>): number[][] {
  const { observed, choices, seen, unseen } = kernels;
  const row = (index: number) =>
    Array.from({ length: choices }, (_, choice) => (observed[index] === choice ? seen : unseen));
  return [...[...observed.keys()].map(row), new Array<number>(choices).fill(1 / choices)];
}

function compare(ours: ParzenEstimator, theirs: Estimator, points: number[][]): void {
  expect(distance(ours.weights, theirs.weights)).toBeLessThan(1e-9);
  for (const [axis, expected] of theirs.kernels.entries()) {
    const kernels = ours.kernels[axis];
    if ('rows' in expected) {
      if (kernels.kind !== 'categorical') throw new Error('expected a categorical parameter');
      expect(distance(rowsOf(kernels).flat(), expected.rows.flat())).toBeLessThan(1e-9);
      continue;
    }
    if (kernels.kind !== 'numeric') throw new Error('expected a numeric parameter');
    expect(distance(kernels.mu, expected.mu)).toBeLessThan(1e-9);
    expect(distance(kernels.sigma, expected.sigma)).toBeLessThan(1e-9);
  }
  const densities = points.map((point) => ours.logDensity(point));
  expect(distance(densities, theirs.logDensities)).toBeLessThan(1e-9);
}

describe('the tree-structured Parzen estimator', () => {
  it.each(cases)('is that of Optuna 5.0.0: $name', (each) => {
    const { directions, group } = each;
    const trials = each.trials.map(frozen);
    const sampler = new TpeSampler({ group, multivariate: each.multivariate ?? undefined });
    const rng = Rng.fromSeed(1);
    const context = { directions, trials, number: trials.length, rng, studyRng: rng };
    const relative = sampler.inferRelativeSearchSpace(context);
    expect(Object.keys(relative).sort()).toEqual(each.relative);
    if (group) {
      const groups = groupedSpaces(trials).map((space) => Object.keys(space));
      for (const names of groups)
        expect(each.parts.map(({ space }) => space)).toContainEqual(names);
    }
    const counted = trials.filter(({ state }) => state !== 'FAIL');
    const finished = counted.filter(({ state }) => state !== 'RUNNING').length;
    const split = splitTrials(counted, directions, countBelow(finished, directions.length));
    for (const { space: names, below, points, estimators } of each.parts) {
      expect(split.below.map(({ number }) => number)).toEqual(below);
      const described = Object.assign(
        {},
        ...trials.map(({ distributions }) => distributions),
      ) as FrozenTrial['distributions'];
      const space = Object.fromEntries(names.map((name) => [name, described[name]]));
      const ours = sampler.estimators(context, space);
      const rows = points[names[0]].map((_, at) => names.map((name) => points[name][at]));
      compare(ours.below, estimators.below, rows);
      compare(ours.above, estimators.above, rows);
    }
  });
});
