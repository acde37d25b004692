import {
  categoricalDistribution,
  floatDistribution,
  type Distribution,
  toInternal,
} from '../hpo/distribution.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { ParamEntry, Storage } from '../hpo/storages/storage.ts';
import type { ParamValue } from '../hpo/distribution.ts';
import { assertEqual, assertRejects, type TestApi } from './testApi.ts';

/** How the suite gets at the storage under test. */
export interface StorageFixture {
  /** An empty storage. */
  readonly open: () => Promise<Storage>;
  /** A second handle on what `first` holds, as another process would open it; if there is one. */
  readonly reopen?: (first: Storage) => Promise<Storage>;
}

/**
 * What every storage of studies must do; give it your test runner's `describe` and `it`.
 *
 * ```ts
 * storageSuite({ describe, it }, 'my storage', { open: () => MyStorage.connect(url) });
 * ```
 */
export function storageSuite(api: TestApi, name: string, fixture: StorageFixture): void {
  const test = (title: string, body: (storage: Storage) => Promise<void>): void => {
    api.it(title, async () => {
      const storage = await fixture.open();
      try {
        await body(storage);
      } finally {
        await storage.close();
      }
    });
  };
  api.describe(`storage contract: ${name}`, () => {
    test('keeps studies apart by name', studies);
    test('numbers trials 0, 1, 2, ... in each study', numbering);
    test('keeps every kind of value exactly', exactValues);
    test('records changes together with the end of a trial', changesAndEnd);
    test('refuses changes to a finished trial', finishedTrials);
    test('refuses a parameter described differently', changedSpace);
    test('hands out waiting trials once, the oldest first', waiting);
    test('gives out records that later changes do not touch', immutability);
    if (fixture.reopen !== undefined) {
      const { reopen } = fixture;
      test('shows everything to another handle', (storage) => otherHandle(storage, reopen));
    }
  });
}

async function studies(storage: Storage): Promise<void> {
  const first = await storage.createStudy('a', ['minimize']);
  const second = await storage.createStudy('b', ['maximize', 'minimize']);
  await assertRejects(storage.createStudy('a', ['minimize']), 'ERR_HPO_STUDY_EXISTS');
  await storage.setStudyAttr(first.id, 'user', 'k', { deep: [1, null] });
  await storage.setStudyAttr(second.id, 'system', 'k', 'two');
  const known = await storage.studies();
  assertEqual(
    known.map(({ name, directions, userAttrs, systemAttrs }) => [
      name,
      directions,
      userAttrs,
      systemAttrs,
    ]),
    [
      ['a', ['minimize'], { k: { deep: [1, null] } }, {}],
      ['b', ['maximize', 'minimize'], {}, { k: 'two' }],
    ],
  );
  await storage.deleteStudy(first.id);
  assertEqual(
    (await storage.studies()).map((study) => study.name),
    ['b'],
  );
  await assertRejects(storage.trials(first.id), 'ERR_HPO_STUDY_UNKNOWN');
  await assertRejects(storage.createTrial(first.id), 'ERR_HPO_STUDY_UNKNOWN');
}

async function numbering(storage: Storage): Promise<void> {
  const a = await storage.createStudy('a', ['minimize']);
  const b = await storage.createStudy('b', ['minimize']);
  const made: FrozenTrial[] = [];
  for (const study of [a, b, a, a, b]) made.push(await storage.createTrial(study.id));
  assertEqual(
    made.map((trial) => trial.number),
    [0, 0, 1, 2, 1],
  );
  assertEqual(new Set(made.map((trial) => trial.id)).size, 5);
  await Promise.all(Array.from({ length: 10 }, () => storage.createTrial(a.id)));
  const numbers = (await storage.trials(a.id)).map((trial) => trial.number);
  assertEqual(
    numbers,
    Array.from({ length: 13 }, (_, index) => index),
  );
}

async function exactValues(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  const { id } = await storage.createTrial(study.id);
  const choices: readonly ParamValue[] = ['text', null, true, 2.5, 3];
  const values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.1];
  const params = [
    ...values.map((value, index) =>
      entry(`f${index}`, floatDistribution(-1, 1e308 * 1.7976931348623157), value),
    ),
    ...choices.map((choice, index) => entry(`c${index}`, categoricalDistribution(choices), choice)),
  ];
  const reports = [NaN, Infinity, -Infinity, 0.1].map((value, step) => ({ step, value }));
  await storage.updateTrial(id, { params, reports, userAttrs: { 'é"\n\u2028': ['ü', 1e-7] } });
  const [trial] = await storage.trials(study.id);
  assertEqual(Object.values(trial.params), [...values, ...choices]);
  assertEqual(
    [...trial.intermediateValues],
    [
      [0, NaN],
      [1, Infinity],
      [2, -Infinity],
      [3, 0.1],
    ],
  );
  assertEqual(trial.userAttrs, { 'é"\n\u2028': ['ü', 1e-7] });
  await storage.updateTrial(id, { finish: { state: 'COMPLETE', values: [-Infinity] } });
  assertEqual((await storage.trials(study.id))[0].values, [-Infinity]);
}

async function changesAndEnd(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  const created = await storage.createTrial(study.id, undefined, { systemAttrs: { by: 'me' } });
  assertEqual(
    [created.state, created.systemAttrs, created.values],
    ['RUNNING', { by: 'me' }, null],
  );
  assertEqual(created.datetimeComplete, null);
  const ended = await storage.updateTrial(created.id, {
    params: [entry('x', floatDistribution(0, 1), 0.5)],
    reports: [{ step: 3, value: 9 }],
    userAttrs: { why: 'done' },
    finish: { state: 'PRUNED', values: [9] },
  });
  assertEqual(
    [ended.state, ended.params, [...ended.intermediateValues], ended.userAttrs, ended.values],
    ['PRUNED', { x: 0.5 }, [[3, 9]], { why: 'done' }, [9]],
  );
  const day = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;
  assertEqual(
    [ended.datetimeStart, ended.datetimeComplete].map((at) => day.test(at ?? '')),
    [true, true],
  );
}

async function finishedTrials(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  const { id } = await storage.createTrial(study.id);
  await storage.updateTrial(id, { finish: { state: 'FAIL', values: null } });
  const attempts = [
    { reports: [{ step: 0, value: 1 }] },
    { userAttrs: { a: 1 } },
    { finish: { state: 'COMPLETE' as const, values: [1] } },
  ];
  for (const changes of attempts) {
    await assertRejects(storage.updateTrial(id, changes), 'ERR_HPO_TRIAL_FINISHED');
  }
  await assertRejects(storage.updateTrial(id + 1000, {}), 'ERR_HPO_TRIAL_UNKNOWN');
  assertEqual(
    (await storage.trials(study.id)).map((trial) => trial.state),
    ['FAIL'],
  );
}

async function changedSpace(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  const record = async (distribution: Distribution, value: ParamValue): Promise<void> => {
    const { id } = await storage.createTrial(study.id);
    await storage.updateTrial(id, { params: [entry('x', distribution, value)] });
  };
  await record(floatDistribution(0, 1), 0.5);
  await record(floatDistribution(0, 7), 6);
  await assertRejects(record(floatDistribution(1, 2, { log: true }), 1), 'ERR_HPO_SPACE_CHANGED');
  await assertRejects(record(categoricalDistribution([1]), 1), 'ERR_HPO_SPACE_CHANGED');
  const other = await storage.createStudy('b', ['minimize']);
  const { id } = await storage.createTrial(other.id);
  await storage.updateTrial(id, { params: [entry('x', categoricalDistribution([1]), 1)] });
}

async function waiting(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  assertEqual(await storage.claimWaiting(study.id), undefined);
  for (const mark of ['first', 'second']) {
    await storage.createTrial(study.id, { state: 'WAITING', userAttrs: { mark } });
  }
  const claims = await Promise.all([1, 2, 3].map(() => storage.claimWaiting(study.id)));
  const marks = claims.map((trial) => trial?.userAttrs.mark);
  assertEqual([...marks].sort(), ['first', 'second', undefined]);
  assertEqual(
    (await storage.trials(study.id)).map((trial) => trial.state),
    ['RUNNING', 'RUNNING'],
  );
}

async function immutability(storage: Storage): Promise<void> {
  const study = await storage.createStudy('a', ['minimize']);
  const before = await storage.createTrial(study.id);
  const list = await storage.trials(study.id);
  await storage.updateTrial(before.id, {
    reports: [{ step: 0, value: 1 }],
    userAttrs: { a: 1 },
    finish: { state: 'COMPLETE', values: [1] },
  });
  await storage.createTrial(study.id);
  assertEqual(
    [list.length, before.state, before.intermediateValues.size, Object.keys(before.userAttrs)],
    [1, 'RUNNING', 0, []],
  );
}

async function otherHandle(
  storage: Storage,
  reopen: (first: Storage) => Promise<Storage>,
): Promise<void> {
  const study = await storage.createStudy('a', ['maximize']);
  const other = await reopen(storage);
  try {
    const { id } = await storage.createTrial(study.id);
    await other.updateTrial(id, { finish: { state: 'COMPLETE', values: [2] } });
    assertEqual((await storage.trials(study.id))[0].values, [2]);
    const both = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? storage : other));
    const made = await Promise.all(both.map((handle) => handle.createTrial(study.id)));
    const numbers = made.map((trial) => trial.number).sort((a, b) => a - b);
    assertEqual(
      numbers,
      Array.from({ length: 10 }, (_, index) => index + 1),
    );
    assertEqual(await other.trials(study.id), await storage.trials(study.id));
  } finally {
    await other.close();
  }
}

function entry(name: string, distribution: Distribution, value: ParamValue): ParamEntry {
  return { name, distribution, internal: toInternal(distribution, value) };
}
