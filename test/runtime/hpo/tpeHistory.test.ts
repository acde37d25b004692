import { describe, expect, it } from '@jest/globals';
import { Rng } from '../../../runtime/src/random/rng.ts';
import { MemoryStorage, Study, type Trial, TpeSampler } from '../../../runtime/src/hpo/index.ts';

function suggest(trial: Trial): number {
  const x = trial.suggestFloat('x', 0, 1, { step: 0.25 });
  const deep = trial.suggestCategorical('deep', [true, false]);
  const rate = deep ? trial.suggestFloat('rate', 1e-4, 1, { log: true }) : 0.5;
  return (x - 0.5) ** 2 + rate;
}

/** Trials of every state, in an order in which some end later than their successors. */
async function advance(study: Study, count: number): Promise<void> {
  const left: Trial[] = [];
  for (let index = 0; index < count; index++) {
    const trial = await study.ask();
    const value = suggest(trial);
    await trial.report(value, 1);
    if (index % 5 === 0) left.push(trial);
    else if (index % 5 === 1) await study.tell(trial, undefined, { state: 'PRUNED' });
    else if (index % 11 === 2) await study.tell(trial, undefined, { state: 'FAIL' });
    else await study.tell(trial, value);
  }
  for (const trial of left.slice(1)) await study.tell(trial, trial.number);
}

async function expectSame(study: Study, sampler: TpeSampler): Promise<void> {
  const context = { directions: study.directions, trials: await study.trials() };
  const rng = Rng.fromSeed(0);
  const full = { ...context, number: context.trials.length, rng, studyRng: rng };
  const fresh = new TpeSampler();
  const space = fresh.inferRelativeSearchSpace(full);
  expect(sampler.inferRelativeSearchSpace(full)).toEqual(space);
  expect(Object.keys(space)).toEqual(['deep', 'x']);
  const rate = context.trials.find(({ params }) => 'rate' in params)?.distributions ?? {};
  for (const part of [space, { rate: rate.rate }]) {
    const [ours, theirs] = [sampler, fresh].map((one) => one.estimators(context, part));
    for (const side of ['below', 'above'] as const) {
      expect(ours[side].weights).toEqual(theirs[side].weights);
      expect(ours[side].kernels).toEqual(theirs[side].kernels);
    }
  }
}

describe('a TPE sampler that has suggested before', () => {
  it('sees the same as one that has not, after few trials and after many', async () => {
    const sampler = new TpeSampler();
    const study = await Study.create({ sampler });
    for (const more of [15, 1, 7, 70, 3]) {
      await advance(study, more);
      await expectSame(study, sampler);
    }
  });

  it('is not confused by another study', async () => {
    const sampler = new TpeSampler();
    const studies = [1, 2].map((seed) =>
      Study.create({ sampler, seed, storage: new MemoryStorage() }),
    );
    for (const study of await Promise.all(studies)) await advance(study, 30);
    for (const study of await Promise.all(studies)) await expectSame(study, sampler);
    const [first] = await Promise.all(studies);
    await expectSame(first, sampler);
  });
});
