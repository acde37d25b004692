import {
  categoricalDistribution,
  containsInternal,
  type Distribution,
  floatDistribution,
  intDistribution,
  toInternal,
} from '../hpo/distribution.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { Sampler } from '../hpo/samplers/sampler.ts';
import { MemoryStorage } from '../hpo/storages/memoryStorage.ts';
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

/** What a sampler cannot do by its nature. */
export interface SamplerSuiteOptions {
  /** What is searched, with a parameter `choice` of few values; default: one of each kind. */
  readonly space?: Readonly<Record<string, Distribution>>;
  /** Default true. */
  readonly severalObjectives?: boolean;
}

/**
 * What every sampler must do; give it your test runner's `describe` and `it`.
 * @param create a fresh sampler with its default options; for one that has to be told the space,
 *   also the parameters `deep` (true, false), `a` (0 to 1) and `b` (1 to 3)
 */
export function samplerSuite(
  api: TestApi,
  name: string,
  create: () => Sampler,
  { space = SPACE, severalObjectives = true }: SamplerSuiteOptions = {},
): void {
  const search = new Search(create, space);
  api.describe(`sampler contract: ${name}`, () => {
    suggestions(api, search);
    studies(api, search);
    if (severalObjectives) objectives(api, search);
  });
}

function suggestions(api: TestApi, search: Search): void {
  api.it('stays inside every distribution and on its grid', async () => {
    search.assertInside(await search.run(search.create(), 25, 1));
  });
  api.it('is decided by seed, number and history alone', async () => {
    const params = async (seed: number) =>
      (await search.run(search.create(), 15, seed)).map((trial) => trial.params);
    const first = await params(7);
    assertEqual(await params(7), first);
    assertEqual(JSON.stringify(await params(8)) === JSON.stringify(first), false);
  });
  api.it('goes on after a restart as if there had been none', async () => {
    const whole = (await search.run(search.create(), 16, 3)).map((trial) => trial.params);
    const study = await Study.create({ sampler: search.create(), seed: 3 });
    await search.ask(study, 9);
    const again = await Study.load({ sampler: search.create(), storage: study.storage });
    await search.ask(again, 7);
    assertEqual(
      (await again.trials()).map((trial) => trial.params),
      whole,
    );
  });
  api.it('takes failed, pruned, running and NaN trials without complaint', async () => {
    const study = await Study.create({ sampler: search.create(), seed: 5 });
    const states = ['FAIL', 'PRUNED', undefined, 'PRUNED'] as const;
    for (let index = 0; index < 24; index++) {
      const trial = await study.ask();
      search.suggest(trial);
      await trial.report(index % 3 === 0 ? NaN : index, 1);
      const state = states[index % states.length];
      if (state !== undefined) await study.tell(trial, undefined, { state });
    }
    await search.ask(study, 4);
  });
  api.it('allows spaces that depend on earlier suggestions', async () => {
    const study = await Study.create({ sampler: search.create(), seed: 2 });
    for (let index = 0; index < 20; index++) {
      const trial = await study.ask();
      const deep = trial.suggestCategorical('deep', [true, false]);
      const value = deep
        ? trial.suggestFloat('a', 0, 1, { step: 0.25 })
        : trial.suggestInt('b', 1, 3 + index);
      await study.tell(trial, value);
    }
  });
  api.it('lets every choice come up', async () => {
    const trials = await search.run(search.create(), 60, 11);
    const { choice } = search.space;
    const choices = choice.kind === 'categorical' ? choice.choices.length : NaN;
    assertEqual(new Set(trials.map((trial) => trial.params.choice)).size, choices);
  });
}

function studies(api: TestApi, search: Search): void {
  api.it('works with others on one study', async () => {
    const storage = new MemoryStorage();
    const workers = await Promise.all(
      [1, 2, 3].map(() => Study.create({ sampler: search.create(), storage, loadIfExists: true })),
    );
    for (let round = 0; round < 5; round++)
      await Promise.all(workers.map((one) => search.ask(one, 2)));
    const trials = await workers[0].trials();
    assertEqual(
      trials.map(({ number, state }) => [number, state]),
      Array.from({ length: 30 }, (_, number) => [number, 'COMPLETE']),
    );
    search.assertInside(trials);
  });
  api.it('goes on with a trial that lost its process as that would have', async () => {
    const study = await Study.create({ sampler: search.create(), seed: 4 });
    await search.ask(study, 12);
    const trial = await study.ask();
    const frozen = (await study.trials())[trial.number];
    search.suggest(trial);
    const again = await Study.load({ sampler: search.create(), storage: study.storage });
    const resumed = await again.resume(frozen);
    search.suggest(resumed);
    assertEqual(resumed.params, trial.params);
  });
  api.it('keeps the parameters of enqueued trials', async () => {
    const [known] = await search.run(search.create(), 1, 9);
    const study = await Study.create({ sampler: search.create(), seed: 6 });
    await search.ask(study, 3);
    await study.enqueueTrial(known.params);
    await search.ask(study, 1);
    assertEqual((await study.trials())[3].params, known.params);
  });
}

function objectives(api: TestApi, search: Search): void {
  api.it('takes several objectives', async () => {
    const study = await Study.create({
      sampler: search.create(),
      seed: 1,
      directions: ['minimize', 'maximize'],
    });
    await search.ask(study, 20);
    search.assertInside(await study.trials());
  });
}

/** Trials of one space. */
class Search {
  readonly create: () => Sampler;
  readonly space: Readonly<Record<string, Distribution>>;

  constructor(create: () => Sampler, space: Readonly<Record<string, Distribution>>) {
    this.create = create;
    this.space = space;
  }

  /** @returns a loss */
  suggest(trial: Trial): number {
    let loss = 0;
    for (const [key, distribution] of Object.entries(this.space)) {
      const value = trial.suggest(key, distribution);
      if (typeof value === 'number') loss += Math.abs(value - 1);
    }
    return loss;
  }

  async ask(study: Study, count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const trial = await study.ask();
      const loss = this.suggest(trial);
      const values = study.directions.map((_, at) => (at === 0 ? loss : trial.number % 7));
      await study.tell(trial, values);
    }
  }

  async run(sampler: Sampler, count: number, seed: number): Promise<readonly FrozenTrial[]> {
    const study = await Study.create({ sampler, seed });
    await this.ask(study, count);
    return study.trials();
  }

  assertInside(trials: readonly FrozenTrial[]): void {
    for (const trial of trials) {
      for (const [key, distribution] of Object.entries(this.space)) {
        const internal = toInternal(distribution, trial.params[key]);
        assertEqual([key, containsInternal(distribution, internal)], [key, true]);
      }
    }
  }
}
