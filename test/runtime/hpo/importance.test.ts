import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { ParamValue } from '../../../runtime/src/hpo/distribution.ts';
import { distributionFromJson } from '../../../runtime/src/hpo/distributionJson.ts';
import {
  type FrozenTrial,
  getParamImportances,
  type ImportanceOptions,
  RandomSampler,
  Study,
} from '../../../runtime/src/hpo/index.ts';
import { paramImportances } from '../../../runtime/src/hpo/importance/paramImportances.ts';
import { parsePythonJson } from '../../../runtime/src/hpo/pythonJson.ts';
import type { Direction, TrialState } from '../../../runtime/src/hpo/trialState.ts';

interface Case {
  name: string;
  directions: Direction[];
  options: { target_quantile?: number; region_quantile?: number; evaluate_on_local?: boolean };
  spaces: string[];
  trials: {
    state: TrialState;
    values: number[] | null;
    params: Record<string, ParamValue>;
    /** Positions in `spaces`. */
    distributions: Record<string, number>;
  }[];
  raw: Record<string, number>;
  normalized: Record<string, number>;
}

const file = new URL('fixtures/optuna-5.0.0-importance.jsonl', import.meta.url);
const cases = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => parsePythonJson(line) as Case);

const targets: Readonly<Record<string, ImportanceOptions['target']>> = {
  second: (trial) => trial.values?.[1] ?? NaN,
  minus: (trial) => -(trial.values?.[0] ?? NaN),
};

function frozen(spaces: string[], trial: Case['trials'][number], number: number): FrozenTrial {
  return {
    ...trial,
    id: number,
    number,
    distributions: Object.fromEntries(
      Object.entries(trial.distributions).map(([name, at]) => [
        name,
        distributionFromJson(spaces[at]),
      ]),
    ),
    userAttrs: {},
    systemAttrs: {},
    intermediateValues: new Map(),
    datetimeStart: null,
    datetimeComplete: null,
  };
}

describe('importances', () => {
  it.each(cases.map((each) => [each.name, each] as const))('equal Optuna: %s', (name, each) => {
    const trials = each.trials.map((trial, number) => frozen(each.spaces, trial, number));
    const options = {
      targetQuantile: each.options.target_quantile,
      regionQuantile: each.options.region_quantile,
      evaluateOnLocal: each.options.evaluate_on_local,
      target: Object.hasOwn(targets, name) ? targets[name] : undefined,
    };
    for (const normalize of [true, false]) {
      const got = paramImportances(trials, each.directions, { ...options, normalize });
      const expected = normalize ? each.normalized : each.raw;
      expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
      for (const [param, value] of Object.entries(expected)) {
        expect(Math.abs(got[param] - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, value));
      }
      const order = Object.values(got);
      expect(order).toEqual(order.toSorted((a, b) => b - a));
    }
  });

  it('find the parameter that decides, among those asked for', async () => {
    const study = await Study.create({ sampler: new RandomSampler() });
    await study.optimize((trial) => {
      const [x, y, z] = ['x', 'y', 'z'].map((name) => trial.suggestFloat(name, 0, 1));
      return 10 * (x - 0.3) ** 2 + 0.5 * y + 0 * z;
    }, 60);
    expect(Object.keys(await getParamImportances(study))[0]).toBe('x');
    const two = await getParamImportances(study, { params: ['z', 'y'] });
    expect(Object.keys(two).sort()).toEqual(['y', 'z']);
    expect(two.y + two.z).toBeCloseTo(1, 12);
  });

  it('are equal when nothing tells the trials apart', async () => {
    const study = await Study.create();
    await study.optimize(
      (trial) => 0 * trial.suggestFloat('x', 0, 1) + 0 * trial.suggestInt('n', 1, 3),
      12,
    );
    expect(await getParamImportances(study)).toEqual({ x: 0.5, n: 0.5 });
  });

  it('say what they need', async () => {
    const study = await Study.create();
    await expect(getParamImportances(study)).rejects.toThrow(
      'need at least 2 complete ones with finite values, got 0',
    );
    await study.optimize((trial) => trial.suggestFloat('width', 0, 1), 3);
    await expect(getParamImportances(study, { params: ['widht'] })).rejects.toThrow(
      'no complete trial has the parameter "widht". Did you mean "width"?',
    );
    await expect(getParamImportances(study, { target: () => NaN })).rejects.toThrow('got 0');
    await expect(getParamImportances(study, { targetQuantile: 1 })).rejects.toThrow(
      'expected 0 < targetQuantile < regionQuantile <= 1',
    );
  });
});
