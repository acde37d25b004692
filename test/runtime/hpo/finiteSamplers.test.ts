import { describe, expect, it } from '@jest/globals';
import {
  BruteForceSampler,
  GridSampler,
  MemoryStorage,
  type ParamValue,
  type Sampler,
  Study,
  type Trial,
} from '../../../runtime/src/hpo/index.ts';

type Params = Readonly<Record<string, ParamValue>>;

async function paramsOf(study: Study): Promise<Params[]> {
  return (await study.trials()).map(({ params }) => params);
}

function distinct(all: readonly Params[]): number {
  return new Set(all.map((params) => JSON.stringify(Object.entries(params).sort()))).size;
}

const searchSpace = { rate: [0.1, 0.01, 0.001], depth: [1, 2], kind: ['a', null] };

function ofGrid(trial: Trial): number {
  const depth = trial.suggestInt('depth', 1, 2);
  const kind = trial.suggestCategorical('kind', ['a', 'b', null]);
  return depth * trial.suggestFloat('rate', 1e-4, 1, { log: true }) + (kind === 'a' ? 0 : 1);
}

/** 2 * 3 + 1 + 4 points, the last of them found out below `deep` alone. */
function conditional(trial: Trial): number {
  const kind = trial.suggestCategorical('kind', ['deep', 'flat', 'ramp']);
  if (kind === 'flat') return 1;
  if (kind === 'ramp') return trial.suggestFloat('slope', 0, 0.9, { step: 0.3 });
  return trial.suggestInt('depth', 1, 2) + trial.suggestInt('width', 2, 6, { step: 2 });
}

describe('a grid', () => {
  it('is tried once, in an order that the seed decides, and ends the search', async () => {
    const orders: string[] = [];
    for (const seed of [1, 2]) {
      const study = await Study.create({ sampler: new GridSampler({ searchSpace }), seed });
      await study.optimize(ofGrid, 100);
      const all = await paramsOf(study);
      expect([all.length, distinct(all)]).toEqual([12, 12]);
      await study.optimize(ofGrid, 5);
      expect(await paramsOf(study)).toHaveLength(12);
      orders.push(JSON.stringify(all));
    }
    expect(orders[0]).not.toBe(orders[1]);
  });

  it('is shared by workers that ask at the same time', async () => {
    const storage = new MemoryStorage();
    const open = () =>
      Study.create({ sampler: new GridSampler({ searchSpace }), storage, loadIfExists: true });
    const workers = await Promise.all([open(), open(), open()]);
    for (let round = 0; round < 4; round++) {
      const trials: [Study, Trial][] = [];
      for (const study of workers) trials.push([study, await study.ask()]);
      for (const [study, trial] of trials) await study.tell(trial, ofGrid(trial));
    }
    expect(distinct(await paramsOf(workers[0]))).toBe(12);
    expect(await workers[1].isExhausted()).toBe(true);
  });

  it('counts what was enqueued and what others tried, and lost trials only when told to', async () => {
    const study = await Study.create({ sampler: new GridSampler({ searchSpace }) });
    await study.enqueueTrial({ rate: 0.01, depth: 2, kind: null });
    await study.ask();
    expect(await study.isExhausted(true)).toBe(false);
    await study.optimize(ofGrid, 11);
    expect(await study.isExhausted(true)).toBe(true);
    expect(await study.isExhausted()).toBe(false);
    await study.optimize(ofGrid, 100);
    const all = await paramsOf(study);
    expect([all.length, distinct(all.slice(1))]).toEqual([13, 12]);
  });

  it('goes on with other values as if they had always been there', async () => {
    const study = await Study.create({ sampler: new GridSampler({ searchSpace }) });
    await study.optimize(ofGrid, 100);
    const more = new GridSampler({ searchSpace: { ...searchSpace, rate: [0.1, 0.01, 0.5] } });
    const again = await Study.load({ storage: study.storage, sampler: more });
    await again.optimize(ofGrid, 100);
    const added = (await paramsOf(again)).slice(12);
    expect(added.map(({ rate }) => rate)).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it.each([
    [{}, 'sampler "grid": searchSpace is missing; it must be a list of values'],
    [{ searchSpace: { a: [] } }, 'searchSpace must be a list of values for each parameter'],
    [{ searchSpace: { a: [1] }, seed: 3 }, 'unknown option "seed". Its options: searchSpace'],
    [
      {
        searchSpace: Object.fromEntries(
          ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => [name, [...Array(9).keys()]]),
        ),
      },
      '43046721 points are too many',
    ],
  ])('refuses %j', (options, message) => {
    expect(() => new GridSampler(options as never)).toThrow(message);
  });

  it('says which parameter or value it does not have', async () => {
    const study = await Study.create({ sampler: new GridSampler({ searchSpace }) });
    const trial = await study.ask();
    expect(() => trial.suggestFloat('other', 0, 1)).toThrow(
      '"other" is not in the searchSpace, which has depth, kind, rate. Add it there',
    );
    expect(() => trial.suggestInt('depth', 5, 9)).toThrow(
      'a value of "depth" in the searchSpace is not in int [5, 9]: [1,2]',
    );
  });
});

describe('brute force', () => {
  it('finds every combination of a space in which parameters depend on others', async () => {
    const study = await Study.create({ sampler: new BruteForceSampler(), seed: 3 });
    await study.optimize(conditional, 100);
    const all = await paramsOf(study);
    expect([all.length, distinct(all)]).toEqual([11, 11]);
  });

  it('leaves to others what they are at', async () => {
    const storage = new MemoryStorage();
    const open = (sampler: Sampler) => Study.create({ sampler, storage, loadIfExists: true });
    const workers = await Promise.all([1, 2].map(() => open(new BruteForceSampler())));
    while (!(await workers[0].isExhausted())) {
      const trials: [Study, Trial][] = [];
      for (const study of workers) trials.push([study, await study.ask()]);
      for (const [study, trial] of trials) await study.tell(trial, conditional(trial));
    }
    const all = await paramsOf(workers[0]);
    expect(distinct(all)).toBe(11);
    // Two that begin below the same unknown node may meet.
    expect(all.length).toBeLessThanOrEqual(14);
  });

  it('ends while a trial runs, or does its part once more when it may be lost', async () => {
    for (const avoidPrematureStop of [false, true]) {
      const study = await Study.create({ sampler: new BruteForceSampler({ avoidPrematureStop }) });
      const small = (trial: Trial): number => trial.suggestInt('n', 1, 3);
      await study.optimize(small, 2);
      small(await study.ask());
      expect(await study.isExhausted()).toBe(!avoidPrematureStop);
      await study.optimize(small, 10);
      const complete = (await study.trials(['COMPLETE'])).map(({ params }) => params.n);
      expect(new Set(complete).size).toBe(avoidPrematureStop ? 3 : 2);
    }
  });

  it('does not take a trial that failed early for the whole of what follows', async () => {
    const study = await Study.create({ sampler: new BruteForceSampler() });
    await study.optimize(conditional, 6);
    await study.enqueueTrial({ kind: 'deep' });
    const trial = await study.ask();
    trial.suggestCategorical('kind', ['deep', 'flat', 'ramp']);
    await study.tell(trial, undefined, { state: 'FAIL' });
    await study.optimize(conditional, 100);
    expect(distinct((await study.trials(['COMPLETE'])).map(({ params }) => params))).toBe(11);
  });

  it('refuses real numbers without a step', async () => {
    const study = await Study.create({ sampler: new BruteForceSampler() });
    const trial = await study.ask();
    expect(() => trial.suggestFloat('x', 0, 1)).toThrow(
      'sampler "brute_force": "x" (float [0, 1]) has no end of values. Give it a step',
    );
  });
});
