import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { FakeSearch } from './fakeSearch.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(120_000);

let search: FakeSearch;
const path = (...names: string[]): string => join(search.folder, 'runs/hpo', ...names);
beforeAll(async () => {
  search = new FakeSearch();
  const options = { faults: { 1: 'throw' }, charts: true };
  const random = ['--study-name', 'random', '--sampler', 'random', '--seed', '1'];
  await Promise.all([
    search.run(['--n-trials', '3', '--trial.x=1'], options),
    search.run(['--n-trials', '2', ...random]),
  ]);
});
afterAll(() => {
  search.remove();
});

describe('reports by command', () => {
  it('are written of a study as it is, with a comparison that the output states', async () => {
    const page = path('fake', 'report.html');
    expect(existsSync(page)).toBe(true);
    rmSync(page);
    const { code, output } = await search.run(['--report', '--compare', 'random']);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(
      /^Compared: best [\d.]+; best of a random search of another budget [\d.]+: (not )?worse/m,
    );
    const text = readFileSync(path('fake', 'report.md'), 'utf8');
    // The command and its flags come from the search, not from this call.
    expect(text).toContain('```sh\nnpm run hpo -- --n-trials 3 --trial.x=1\n```');
    expect(text).toContain('--config runs/hpo/fake/best.yaml --trial.x=1');
    expect(text).toContain('| random | random | 2 of 3 |');
    expect(text).toContain('overrides [], here ["trial.x=1"]');
    expect(text).toMatch(/\| 1 \| exception \| .*the model has a hole.*output\.log\) \|/);
    expect(readFileSync(page, 'utf8')).toContain('<svg');
    expect(await search.trials()).toHaveLength(3);
  });

  it('are tables too', async () => {
    const { code, output } = await search.run(['--export', 'out/trials.csv']);
    expect(code).toBe(0);
    expect(output).toContain('3 trials of study "fake" in out/trials.csv');
    const lines = readFileSync(join(search.folder, 'out/trials.csv'), 'utf8').split('\r\n');
    expect(lines[0]).toMatch(/^number,value,.*,params_n,params_x,user_attrs_config,/);
    expect(lines.filter((line) => line.endsWith(',COMPLETE'))).toHaveLength(2);
  });

  it.each([
    [['--report', '--study-name', 'fakes'], 'there is no study to report about'],
    [['--report', '--compare', 'randon'], 'Did you mean "random"? Other studies: "random"'],
    [['--n-trials', '9', '--compare', 'nothing'], 'no such study or file'],
  ])('are refused for what is not there: %j', async (args, message) => {
    const { code, output } = await search.run(args);
    expect({ code, output }).toMatchObject({ code: 2 });
    expect(output).toContain(message);
    expect(await search.trials()).toHaveLength(3);
  });
});
