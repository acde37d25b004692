import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  type Direction,
  HyperbandPruner,
  MedianPruner,
  PatientPruner,
  type Pruner,
  Study,
  SuccessiveHalvingPruner,
  ThresholdPruner,
} from '../../../runtime/src/hpo/index.ts';
import { parsePythonJson } from '../../../runtime/src/hpo/pythonJson.ts';

interface Case {
  pruner: string;
  direction: Direction;
  /** Reports of each trial with Optuna's decision. */
  trials: [number, boolean][][];
}

const pruners: Record<string, () => Pruner> = {
  halving: () => new SuccessiveHalvingPruner({ minResource: 1, reductionFactor: 2 }),
  'halving later': () =>
    new SuccessiveHalvingPruner({
      minResource: 2,
      reductionFactor: 3,
      minEarlyStoppingRate: 1,
      bootstrapCount: 2,
    }),
  hyperband: () => new HyperbandPruner({ minResource: 1, maxResource: 20, reductionFactor: 3 }),
  threshold: () => new ThresholdPruner({ lower: 0.5, upper: 5, nWarmupSteps: 2, intervalSteps: 2 }),
  patient: () => new PatientPruner(undefined, { patience: 1, minDelta: 0.5 }),
  'patient median': () =>
    new PatientPruner(new MedianPruner({ nStartupTrials: 2 }), { patience: 2 }),
};

const cases = readFileSync(
  new URL('fixtures/optuna-5.0.0-more-pruners.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => parsePythonJson(line) as Case);

describe('whole studies are pruned as by Optuna 5.0.0', () => {
  it.each(cases)('$pruner, $direction', async ({ pruner, direction, trials }) => {
    expect(trials.flat().some(([, prune]) => prune)).toBe(true);
    const study = await Study.create({
      name: 'fixture',
      directions: [direction],
      pruner: pruners[pruner](),
    });
    const ours: boolean[][] = [];
    for (const reports of trials) {
      const trial = await study.ask();
      const decisions: boolean[] = [];
      for (const [step, [value]] of reports.entries()) {
        await trial.report(value, step);
        decisions.push(await trial.shouldPrune());
      }
      ours.push(decisions);
      if (decisions.at(-1) === true) await study.tell(trial, undefined, { state: 'PRUNED' });
      else await study.tell(trial, 1);
    }
    expect(ours).toEqual(trials.map((reports) => reports.map(([, prune]) => prune)));
  });
});
