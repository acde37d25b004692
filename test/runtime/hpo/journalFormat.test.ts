import {
  copyFileSync,
  renameSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { distributionFromJson } from '../../../runtime/src/hpo/distributionJson.ts';
import { encodeLine, type OperationLine } from '../../../runtime/src/hpo/journal/operations.ts';
import {
  categoricalDistribution,
  floatDistribution,
  intDistribution,
  JournalStorage,
  Study,
} from '../../../runtime/src/hpo/index.ts';
import { parsePythonJson, type PyFloat, pyFloat } from '../../../runtime/src/hpo/pythonJson.ts';
import { dumpStorage } from './dumpStorage.ts';

const fixture = new URL('fixtures/optuna-5.0.0.journal', import.meta.url);
const expected: unknown = JSON.parse(
  readFileSync(new URL('fixtures/optuna-5.0.0.json', import.meta.url), 'utf8'),
);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-journal-'));
  path = join(folder, 'study.journal');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('a journal written by Optuna 5.0.0', () => {
  it('is read as Optuna reads it', async () => {
    copyFileSync(fixture, path);
    const storage = new JournalStorage(path);
    expect(await dumpStorage(storage)).toEqual(expected);
    await storage.close();
    expect(readFileSync(path)).toEqual(readFileSync(fixture));
  });

  it('is written again byte for byte', () => {
    const lines = readFileSync(fixture, 'utf8').trim().split('\n');
    expect(lines.map((line) => encodeLine(withFloats(line)))).toEqual(lines);
  });
});

describe('our journal', () => {
  it('has the bytes that Optuna would have written', async () => {
    const storage = new JournalStorage(path);
    const study = await Study.create({ name: 'é', storage, directions: ['maximize'], seed: 3 });
    await study.enqueueTrial({ x: 0.5, opt: null }, { userAttrs: { who: 'me' } });
    const trial = await study.ask();
    trial.suggestFloat('x', 0, 1);
    trial.suggestInt('n', 4, 4);
    trial.suggestCategorical('opt', ['adam', null]);
    await trial.report(NaN, 0);
    await trial.report(2, 7);
    await trial.setUserAttr('note', { a: [1, 0.5] });
    await study.tell(trial, undefined, { state: 'PRUNED' });
    await study.tell(await study.ask(), Infinity);
    await study.addTrial({
      state: 'COMPLETE',
      values: [1],
      params: [
        { name: 'x', internal: 1, distribution: floatDistribution(0, 1) },
        { name: 'opt', internal: 1, distribution: categoricalDistribution(['adam', null]) },
      ],
      intermediateValues: new Map([[3, -Infinity]]),
    });
    await storage.close();
    expect(masked(readFileSync(path, 'utf8'))).toEqual(EXPECTED);
  });

  it('records what is suggested together in one write', async () => {
    const storage = new JournalStorage(path);
    const study = await Study.create({ storage });
    const trial = await study.ask();
    const before = readFileSync(path, 'utf8').split('\n').length;
    for (const name of ['a', 'b', 'c']) trial.suggestFloat(name, 0, 1);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(before);
    await trial.flush();
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(before + 3);
    await storage.close();
  });

  it('names file and line when a line in its middle is no JSON', async () => {
    writeFileSync(
      path,
      '{"op_code":0,"worker_id":"w","study_name":"a","directions":[1]}\n{"op\n{}\n',
    );
    const storage = new JournalStorage(path);
    await expect(storage.studies()).rejects.toThrow(/study\.journal, line 2 is not JSON/);
  });

  it('is read again from the start when it was replaced by a shorter one', async () => {
    copyFileSync(fixture, path);
    const storage = new JournalStorage(path);
    expect(await storage.studies()).toHaveLength(3);
    writeFileSync(path, '{"op_code":0,"worker_id":"w","study_name":"new","directions":[2]}\n');
    expect((await storage.studies()).map((study) => study.name)).toEqual(['new']);
    await storage.close();
  });

  it('is read again from the start when another file took its place', async () => {
    writeFileSync(path, '{"op_code":0,"worker_id":"w","study_name":"old","directions":[1]}\n');
    const storage = new JournalStorage(path);
    await storage.createStudy('mine', ['minimize']);
    copyFileSync(fixture, `${path}.new`);
    renameSync(`${path}.new`, path);
    expect(await storage.studies()).toHaveLength(3);
    await storage.createStudy('mine', ['minimize']);
    await storage.close();
    // Written where the name leads to, not into the file that was.
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1)).toContain('"mine"');
  });

  it('refuses a path that cannot be written', () => {
    writeFileSync(path, '');
    expect(() => new JournalStorage(join(path, 'below'))).toThrow(/cannot open the journal/);
  });
});

it("distributions have Optuna's bytes (spot check of the fixture's strings)", () => {
  const text =
    '{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 9}}';
  expect(distributionFromJson(text)).toEqual(intDistribution(1, 9, { log: true }));
});

const W = '"worker_id":"W"';
const X =
  '{\\"name\\": \\"FloatDistribution\\", \\"attributes\\": {\\"step\\": null, \\"low\\": 0.0, \\"high\\": 1.0, \\"log\\": false}}';
const N =
  '{\\"name\\": \\"IntDistribution\\", \\"attributes\\": {\\"log\\": false, \\"step\\": 1, \\"low\\": 4, \\"high\\": 4}}';
const O =
  '{\\"name\\": \\"CategoricalDistribution\\", \\"attributes\\": {\\"choices\\": [\\"adam\\", null]}}';
const EXPECTED = [
  `{"op_code":0,${W},"study_name":"\\u00e9","directions":[2]}`,
  `{"op_code":3,${W},"study_id":0,"system_attr":{"lightbox:seed":3}}`,
  `{"op_code":4,${W},"study_id":0,"datetime_start":null,"state":4,"value":null,"values":null,"distributions":{},"params":{},"user_attrs":{"who":"me"},"system_attrs":{"fixed_params":{"x":0.5,"opt":null}},"intermediate_values":{}}`,
  `{"op_code":6,${W},"trial_id":0,"state":0,"values":null,"datetime_start":"T"}`,
  `{"op_code":5,${W},"trial_id":0,"param_name":"x","param_value_internal":0.5,"distribution":"${X}"}`,
  `{"op_code":5,${W},"trial_id":0,"param_name":"n","param_value_internal":4.0,"distribution":"${N}"}`,
  `{"op_code":5,${W},"trial_id":0,"param_name":"opt","param_value_internal":1,"distribution":"${O}"}`,
  `{"op_code":7,${W},"trial_id":0,"step":0,"intermediate_value":NaN}`,
  `{"op_code":7,${W},"trial_id":0,"step":7,"intermediate_value":2.0}`,
  `{"op_code":8,${W},"trial_id":0,"user_attr":{"note":{"a":[1,0.5]}}}`,
  `{"op_code":6,${W},"trial_id":0,"state":2,"values":[2.0],"datetime_complete":"T"}`,
  `{"op_code":4,${W},"study_id":0,"datetime_start":"T"}`,
  `{"op_code":6,${W},"trial_id":1,"state":1,"values":[Infinity],"datetime_complete":"T"}`,
  `{"op_code":4,${W},"study_id":0,"datetime_start":"T","state":1,"value":1.0,"values":null,"datetime_complete":"T","distributions":{"x":"${X}","opt":"${O}"},"params":{"x":1.0,"opt":1},"user_attrs":{},"system_attrs":{},"intermediate_values":{"3":-Infinity}}`,
];

/** Lines with the worker's id and the times, which differ between runs, replaced. */
function masked(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .replace(/"worker_id":"[0-9a-f-]{36}"/, W)
        .replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"/g, '"T"'),
    );
}

/** The line as our writer's input: where Optuna writes floats, floats. */
function withFloats(line: string): OperationLine {
  const parsed = parsePythonJson(line) as Record<string, never>;
  const float = (value: unknown): PyFloat | null =>
    typeof value === 'number' ? pyFloat(value) : null;
  const result: Record<string, unknown> = { ...parsed };
  if ('intermediate_value' in parsed) result.intermediate_value = float(parsed.intermediate_value);
  if ('value' in parsed) result.value = float(parsed.value);
  if (Array.isArray(parsed.values)) result.values = (parsed.values as number[]).map(float);
  if ('param_value_internal' in parsed && !String(parsed.distribution).includes('Categorical')) {
    result.param_value_internal = float(parsed.param_value_internal);
  }
  if ('params' in parsed) {
    const distributions = parsed.distributions as Record<string, string>;
    result.params = Object.fromEntries(
      Object.entries(parsed.params as Record<string, number>).map(([name, value]) => [
        name,
        distributions[name].includes('Categorical') ? value : float(value),
      ]),
    );
    result.intermediate_values = Object.fromEntries(
      Object.entries(parsed.intermediate_values as Record<string, number>).map(([step, value]) => [
        step,
        float(value),
      ]),
    );
  }
  return result as OperationLine;
}
