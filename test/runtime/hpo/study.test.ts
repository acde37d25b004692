import { describe, expect, it } from '@jest/globals';
import {
  floatDistribution,
  MedianPruner,
  MemoryStorage,
  NonePruner,
  type Sampler,
  Study,
  type Trial,
  TrialPruned,
} from '../../../runtime/src/hpo/index.ts';

describe('asking and telling', () => {
  it('runs a search', async () => {
    const study = await Study.create({ seed: 4 });
    await study.optimize((trial) => (trial.suggestFloat('x', -5, 5) - 2) ** 2, 40);
    const best = await study.bestTrial();
    expect(Math.abs(Number(best?.params.x) - 2)).toBeLessThan(0.5);
    const values = (await study.trials()).map((trial) => trial.values?.[0] ?? NaN);
    expect(best?.values?.[0]).toBe(Math.min(...values));
  });

  it('suggests by seed and number: what other trials asked for changes nothing', async () => {
    const suggest = (trial: Trial): number[] => [
      trial.suggestFloat('a', 0, 1),
      trial.suggestFloat('b', 0, 1),
    ];
    const first = await Study.create({ seed: 1 });
    const trials = [await first.ask(), await first.ask(), await first.ask()];
    const expected = trials.map(suggest);
    const second = await Study.create({ seed: 1 });
    await (await second.ask()).setUserAttr('k', 1);
    (await second.ask()).suggestFloat('other', 0, 1);
    const third = await second.ask();
    expect(third.suggestFloat('b', 0, 1)).toBe(expected[2][1]);
    expect(third.suggestFloat('a', 0, 1)).toBe(expected[2][0]);
    expect(new Set(expected.flat()).size).toBe(6);
  });

  it('gives the same value again within a trial, and refuses another kind', async () => {
    const trial = await (await Study.create()).ask();
    const x = trial.suggestFloat('x', 0, 1);
    expect(trial.suggestFloat('x', 0, 10)).toBe(x);
    expect(() => trial.suggestInt('x', 0, 1)).toThrow('parameter "x": was float, is int');
    expect(trial.params).toEqual({ x });
  });

  it.each([
    ['a value', 2, {}, 'COMPLETE', [2]],
    ['infinity', -Infinity, {}, 'COMPLETE', [-Infinity]],
    ['NaN', NaN, {}, 'FAIL', null],
    ['nothing', undefined, {}, 'FAIL', null],
    ['FAIL', undefined, { state: 'FAIL' as const }, 'FAIL', null],
    ['PRUNED', undefined, { state: 'PRUNED' as const }, 'PRUNED', [7]],
  ])('told %s', async (_, value, options, state, values) => {
    const study = await Study.create();
    const trial = await study.ask();
    await trial.report(9, 0);
    await trial.report(7, 20);
    await trial.report(8, 10);
    expect(await study.tell(trial, value, options)).toMatchObject({ state, values });
  });

  it('never makes a NaN report the value of a pruned trial', async () => {
    const study = await Study.create();
    const trial = await study.ask();
    await trial.report(NaN, 3);
    expect(await study.tell(trial, undefined, { state: 'PRUNED' })).toMatchObject({ values: null });
  });

  it.each([
    ['COMPLETE needs a value', undefined, { state: 'COMPLETE' as const }],
    ['NaN is not a value', NaN, { state: 'COMPLETE' as const }],
    ['2 values for 1 objectives', [1, 2], { state: 'COMPLETE' as const }],
    ['FAIL takes no values', 1, { state: 'FAIL' as const }],
  ])('refuses: %s', async (message, values, options) => {
    const study = await Study.create();
    await expect(study.tell(await study.ask(), values, options)).rejects.toThrow(message);
  });

  it('tells a trial once', async () => {
    const study = await Study.create();
    const trial = await study.ask();
    await study.tell(trial, 1);
    await expect(study.tell(trial, 2)).rejects.toMatchObject({ code: 'ERR_HPO_TRIAL_FINISHED' });
    expect((await study.bestTrial())?.values).toEqual([1]);
  });

  it('keeps the first report of a step', async () => {
    const study = await Study.create();
    const trial = await study.ask();
    await trial.report(1, 5);
    await trial.report(2, 5);
    expect([...(await study.trials())[0].intermediateValues]).toEqual([[5, 1]]);
    await expect(trial.report(1, -1)).rejects.toThrow('step must be 0, 1, 2');
    await expect(trial.report(1, 0.5)).rejects.toThrow('got 0.5');
  });

  it('prunes what optimize is told to prune, and fails what throws', async () => {
    const study = await Study.create({ pruner: new MedianPruner({ nStartupTrials: 2 }) });
    await study.optimize(async (trial) => {
      await trial.report(trial.number, 0);
      if (await trial.shouldPrune()) throw new TrialPruned();
      return trial.number;
    }, 4);
    expect((await study.trials()).map((trial) => trial.state)).toEqual([
      'COMPLETE',
      'COMPLETE',
      'PRUNED',
      'PRUNED',
    ]);
    const failing = study.optimize(() => {
      throw new Error('no objective');
    }, 3);
    await expect(failing).rejects.toThrow('no objective');
    expect((await study.trials(['FAIL'])).map((trial) => trial.number)).toEqual([4]);
  });

  it('finds the best of a study that maximizes', async () => {
    const study = await Study.create({ directions: ['maximize'], pruner: new NonePruner() });
    for (const value of [1, 3, 3, 2]) await study.tell(await study.ask(), value);
    expect((await study.bestTrial())?.number).toBe(1);
  });
});

describe('enqueued trials', () => {
  it('come first, with their values, the rest sampled', async () => {
    const study = await Study.create();
    await study.enqueueTrial({ x: 0.125 }, { userAttrs: { why: 'a guess' } });
    await study.enqueueTrial({ x: 0.125 }, { skipIfExists: true });
    const trial = await study.ask();
    expect(trial.suggestFloat('x', 0, 1)).toBe(0.125);
    expect(trial.suggestFloat('y', 0, 1)).not.toBe(0.125);
    expect((await study.trials()).map(({ state, userAttrs }) => [state, userAttrs])).toEqual([
      ['RUNNING', { why: 'a guess' }],
    ]);
  });
});

describe('opening a study', () => {
  it('keeps its seed, and refuses another one, other directions and unknown names', async () => {
    const storage = new MemoryStorage();
    await Study.create({ name: 'a', storage, seed: 5 });
    await expect(Study.create({ name: 'a', storage })).rejects.toMatchObject({
      code: 'ERR_HPO_STUDY_EXISTS',
    });
    expect((await Study.load({ name: 'a', storage })).seed).toBe(5);
    await expect(Study.load({ name: 'a', storage, seed: 6 })).rejects.toThrow(
      'study "a" has seed 5, asked for 6',
    );
    const other = { name: 'a', storage, loadIfExists: true, directions: ['maximize'] as const };
    await expect(Study.create(other)).rejects.toThrow('has minimize, asked for maximize');
    await expect(Study.load({ name: 'b', storage })).rejects.toThrow(
      'has no study "b"; it has "a"',
    );
  });

  it('continues a trial that lost its process, under its number and parameters', async () => {
    const storage = new MemoryStorage();
    const study = await Study.create({ storage, seed: 2 });
    const lost = await study.ask();
    const x = lost.suggestFloat('x', 0, 1);
    await lost.report(1, 10);
    const again = await Study.load({ storage });
    const [frozen] = await again.trials();
    const trial = await again.resume(frozen);
    expect([trial.number, trial.suggestFloat('x', 0, 1)]).toEqual([0, x]);
    const y = trial.suggestFloat('y', 0, 1);
    expect(y).toBe(lost.suggestFloat('y', 0, 1));
    expect(await again.tell(trial, 3)).toMatchObject({ number: 0, params: { x, y }, values: [3] });
  });
});

describe('a sampler that decides parameters together', () => {
  const together: Sampler = {
    name: 'together',
    inferRelativeSearchSpace: () => ({ x: floatDistribution(0, 1), z: floatDistribution(0, 1) }),
    sampleRelative: () => ({ x: 0.25, z: 0.75 }),
    sampleIndependent: () => 0.5,
  };

  it('is used where its values fit, and asked again where not', async () => {
    const study = await Study.create({ sampler: together });
    const trial = await study.ask();
    expect(trial.suggestFloat('x', 0, 1)).toBe(0.25);
    expect(trial.suggestFloat('y', 0, 1)).toBe(0.5);
    expect(trial.suggestFloat('z', 0, 0.6)).toBe(0.5);
    expect(trial.suggestFloat('one', 3, 3)).toBe(3);
  });
});
