import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Direction, Study, type Trial } from '../../../runtime/src/hpo/index.ts';
import { compareStudies, comparisonLine } from '../../../runtime/src/tuning/report/comparison.ts';
import { writeStudyReport } from '../../../runtime/src/tuning/writeStudyReport.ts';
import { type ReportInput, writeReport } from '../../../runtime/src/tuning/studyReport.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-report-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

type End = number | readonly number[] | 'PRUNED' | 'FAIL' | 'RUNNING';

async function studyOf(
  ends: readonly End[],
  suggest: (trial: Trial) => void = (trial) => trial.suggestFloat('x|<y>', 0, 1),
  directions: readonly Direction[] = ['minimize'],
): Promise<Study> {
  const study = await Study.create({ directions });
  for (const [index, end] of ends.entries()) {
    const trial = await study.ask();
    suggest(trial);
    if (directions.length === 1) {
      await trial.report(3 - index, 10);
      await trial.report(2 - index, 20);
    }
    if (end === 'RUNNING') continue;
    const fail_reason = 'failed:oom: <script>alert(1)</script>\nmore | `less`';
    const userAttrs: Record<string, string> = end === 'FAIL' ? { fail_reason } : {};
    if (typeof end === 'string') await study.tell(trial, undefined, { state: end, userAttrs });
    else await study.tell(trial, end);
  }
  return study;
}

async function reportOf(study: Study, more: Partial<ReportInput> = {}) {
  await writeReport(folder, {
    study: 'a & b',
    objectives: study.directions.map((direction, index) => ({ name: `m${index}`, direction })),
    settings: [['sampler', 'tpe']],
    trials: await study.trials(),
    commands: [['Again', "npm run train -- '--x=<1>'"]],
    ...more,
  });
  const [text, page] = ['report.md', 'report.html'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  return { text, page, charts: page.split('<svg').length - 1 };
}

const ends: End[] = [3, 'PRUNED', 1, 'FAIL', 2, 'RUNNING'];

describe('the report of a study', () => {
  it('has the best, the command, failures with their output, the space and all trials', async () => {
    const { text } = await reportOf(await studyOf(ends));
    expect(text).toContain(
      'Smallest m0; 5 finished: 3 complete, 1 pruned, 1 failed; 1 unfinished.',
    );
    expect(text).toContain('Trial 2: m0 = 1\n');
    expect(text).toContain("```sh\nnpm run train -- '--x=<1>'\n```");
    expect(text).toContain('| x\\|&lt;y> | float [0, 1] |');
    expect(text).toContain(
      '| 3 | oom | &lt;script>alert(1)&lt;/script> more \\| \\`less\\` | [trial_3/output.log](trial_3/output.log) |',
    );
    expect(text).toContain('| sampler | tpe |');
    const all = text.slice(text.indexOf('## Trials')).split('\n');
    const rows = all.filter((line) => /^\| \d/.test(line));
    expect(rows.map((row) => row.split(' | ').slice(1, 4))).toEqual([
      ['COMPLETE', '3', '3'],
      ['PRUNED', '1', '3'],
      ['COMPLETE', '1', '1'],
      ['FAIL', '', '1'],
      ['COMPLETE', '2', '1'],
      ['RUNNING', '', '1'],
    ]);
  });

  it('is one page that loads nothing and runs nothing', async () => {
    const study = await studyOf(ends, (trial) => {
      trial.suggestFloat('a.rate<b>', 1e-5, 1, { log: true });
      trial.suggestCategorical('</svg>', ['<i>', 'x', null]);
    });
    const { page, charts } = await reportOf(study);
    // History, importance, slices, parallel coordinates, a pair, learning curves, timeline.
    expect(charts).toBe(7);
    expect(page).toContain('<title>Study a &amp; b</title>');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toMatch(/<script|<i>|<link|<image|\ssrc=|@import|href="(?!trial_)|\son\w+=/);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
  });

  it.each([
    ['no trial', [], 0],
    ['one that runs', ['RUNNING'], 1],
    ['one that failed', ['FAIL'], 1],
    ['one complete', [2], 3],
    ['equal values', [1, 1, 1], 5],
    ['infinite values', [Infinity, -Infinity, Infinity], 2],
    ['huge and tiny values', [1e300, -1e300, 1e-300], 5],
  ] as const)('is written for a study with %s', async (_name, given, least) => {
    const { text, page, charts } = await reportOf(await studyOf(given));
    expect(charts).toBeGreaterThanOrEqual(least);
    expect(page).not.toContain('NaN');
    expect(text).toContain(`${given.filter((end) => end !== 'RUNNING').length} finished`);
  });

  it('takes parameters that come, go and change their range', async () => {
    let count = 0;
    const study = await studyOf([3, 1, 2, 5, 4], (trial) => {
      const wide = count++ % 2 === 0;
      trial.suggestInt('n', 1, wide ? 8 : 4);
      if (wide) trial.suggestFloat('rate', 1e-4, 1, { log: true });
      else trial.suggestCategorical('kind', [true, false]);
      trial.suggestFloat('fixed', 2, 2);
    });
    const { text, charts } = await reportOf(study);
    expect(charts).toBe(7);
    expect(text).toMatch(/\| rate \| \d/);
    expect(text).toContain('| fixed | 0.0 % |');
  });

  it('shows the Pareto front of several objectives', async () => {
    const study = await studyOf(
      [[1, 1], [2, 5], [3, 3], [0, 0], 'FAIL'],
      (trial) => trial.suggestFloat('x', 0, 1),
      ['minimize', 'maximize'],
    );
    const names = ['m0', 'm1'];
    const paths = await writeStudyReport(study, join(folder, 'new', 'place'), { names });
    const [text, page] = paths.map((path) => readFileSync(path, 'utf8'));
    expect(text).toContain('| sampler | tpe |');
    expect(text).toContain('Smallest m0 and largest m1');
    expect(text).toContain('3 trials that no other one beats');
    expect(page).toContain('m0 and m1: red are the trials that none beats.');
  });
});

describe('a comparison', () => {
  const random = async (values: readonly number[]) => ({
    study: 'r',
    sampler: 'random',
    trials: await (await studyOf(values)).trials(),
    differences: [],
  });

  it('is of the best with the median best of the same budget', async () => {
    const own = await (await studyOf([5, 2, 'FAIL'])).trials();
    const others = [await random([4, 3, 9, 0]), await random([1, 9, 9]), await random([7, 6, 8])];
    const comparison = compareStudies(own, others, 'minimize');
    // The fourth trial of the first came after the budget.
    expect(comparison.others.map(({ best }) => best)).toEqual([3, 1, 6]);
    expect(comparisonLine(comparison)).toBe(
      'best 2; median best of 3 random searches of the same budget (3 trials) 3: not worse (better)',
    );
    const { text } = await reportOf(await studyOf([5, 2]), { comparison });
    expect(text).toContain('Best 2; median best of 3 random searches');
    expect(comparisonLine(compareStudies(own, others, 'maximize'))).toMatch(
      /^best 5; median best .* 9: worse$/,
    );
  });

  it('says when budgets differ and when there is nothing to compare', async () => {
    const own = await (await studyOf([5, 2, 3])).trials();
    const short = [await random([2, 4])];
    expect(comparisonLine(compareStudies(own, short, 'minimize'))).toBe(
      'best 2; best of a random search of another budget 2: not worse',
    );
    const cut = [{ ...(await random([3, 4, 5])), differences: ['trialSteps 5, here 10'] }];
    expect(comparisonLine(compareStudies(own, cut, 'minimize'))).toContain('of another budget');
    const none = await (await studyOf(['FAIL'])).trials();
    expect(comparisonLine(compareStudies(none, short, 'minimize'))).toContain(
      'no trial is complete',
    );
    const empty = [{ ...short[0], trials: [] }];
    expect(comparisonLine(compareStudies(own, empty, 'minimize'))).toContain(
      'nothing to compare with',
    );
  });
});
