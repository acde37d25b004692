import {
  categoricalDistribution,
  containsInternal,
  type Distribution,
  floatDistribution,
  intDistribution,
  toInternal,
} from '../hpo/distribution.ts';
import type { Sampler } from '../hpo/samplers/sampler.ts';
import { Study } from '../hpo/study.ts';
import type { Trial } from '../hpo/trial.ts';
import { assertEqual, type TestApi } from './testApi.ts';

const SPACE: Readonly<Record<string, Distribution>> = {
  uniform: floatDistribution(-2, 3),
  log: floatDistribution(1e-6, 1e-1, { log: true }),
  grid: floatDistribution(0, 1, { step: 0.1 }),
  int: intDistribution(-3, 9),
  intGrid: intDistribution(0, 64, { step: 16 }),
  intLog: intDistribution(1, 1024, { log: true }),
  choice: categoricalDistribution(['a', null, true, 2.5]),
  single: intDistribution(4, 4),
};

/**
 * What every sampler must do; give it your test runner's `describe` and `it`.
 * @param create a fresh sampler with its default options
 */
export function samplerSuite(api: TestApi, name: string, create: () => Sampler): void {
  api.describe(`sampler contract: ${name}`, () => {
    api.it('stays inside every distribution and on its grid', async () => {
      const trials = await run(create(), 25, 1);
      for (const trial of trials) {
        for (const [key, distribution] of Object.entries(SPACE)) {
          const internal = toInternal(distribution, trial.params[key]);
          assertEqual([key, containsInternal(distribution, internal)], [key, true]);
        }
      }
    });
    api.it('is decided by seed, number and history alone', async () => {
      const params = async (seed: number) =>
        (await run(create(), 15, seed)).map((trial) => trial.params);
      const first = await params(7);
      assertEqual(await params(7), first);
      assertEqual(JSON.stringify(await params(8)) === JSON.stringify(first), false);
    });
    api.it('goes on after a restart as if there had been none', async () => {
      const whole = (await run(create(), 16, 3)).map((trial) => trial.params);
      const study = await Study.create({ sampler: create(), seed: 3 });
      await ask(study, 9);
      const again = await Study.load({ sampler: create(), storage: study.storage });
      await ask(again, 7);
      assertEqual(
        (await again.trials()).map((trial) => trial.params),
        whole,
      );
    });
    api.it('takes failed, pruned, running and NaN trials without complaint', async () => {
      const study = await Study.create({ sampler: create(), seed: 5 });
      const states = ['FAIL', 'PRUNED', undefined, 'PRUNED'] as const;
      for (let index = 0; index < 24; index++) {
        const trial = await study.ask();
        suggest(trial);
        await trial.report(index % 3 === 0 ? NaN : index, 1);
        const state = states[index % states.length];
        if (state !== undefined) await study.tell(trial, undefined, { state });
      }
      await ask(study, 4);
    });
    api.it('allows spaces that depend on earlier suggestions', async () => {
      const study = await Study.create({ sampler: create(), seed: 2 });
      for (let index = 0; index < 20; index++) {
        const trial = await study.ask();
        const deep = trial.suggestCategorical('deep', [true, false]);
        const value = deep ? trial.suggestFloat('a', 0, 1) : trial.suggestInt('b', 1, 3 + index);
        await study.tell(trial, value);
      }
    });
    api.it('lets every choice come up', async () => {
      const trials = await run(create(), 60, 11);
      assertEqual(new Set(trials.map((trial) => trial.params.choice)).size, 4);
    });
  });
}

async function run(sampler: Sampler, count: number, seed: number) {
  const study = await Study.create({ sampler, seed });
  await ask(study, count);
  return study.trials();
}

async function ask(study: Study, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const trial = await study.ask();
    suggest(trial);
    const { uniform, int } = trial.params;
    await study.tell(trial, (Number(uniform) - 1) ** 2 + Number(int));
  }
}

function suggest(trial: Trial): void {
  for (const [name, distribution] of Object.entries(SPACE)) trial.suggest(name, distribution);
}
