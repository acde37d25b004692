import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { type FrozenTrial, JournalStorage } from '../../../runtime/src/hpo/index.ts';
import { outcome } from '../../hpo/outcome.ts';
import { FakeSearch } from './fakeSearch.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(180_000);

const killRounds = Number(process.env.LIGHTBOX_KILL_ROUNDS ?? 1);

let search: FakeSearch;
beforeEach(() => {
  search = new FakeSearch();
});
afterEach(() => {
  search.remove();
});

let whole: Promise<readonly FrozenTrial[]> | undefined;

/** The outcome of a search that nothing disturbs; run once, its first trials are any shorter one's. */
async function undisturbed(total: number): Promise<unknown> {
  whole ??= runWhole(Math.max(4, 2 * killRounds));
  return outcome((await whole).slice(0, total));
}

async function runWhole(total: number): Promise<readonly FrozenTrial[]> {
  const other = new FakeSearch();
  await other.run(['--n-trials', String(total)]);
  const trials = await other.trials();
  other.remove();
  return trials;
}

describe('a search with real processes', () => {
  it('ends with its total, says the best and writes it down', async () => {
    const { code, output } = await search.run(['--n-trials', '4']);
    expect({ code, output }).toMatchObject({ code: 0 });
    const trials = await search.trials();
    expect(trials.map((trial) => trial.number)).toEqual([0, 1, 2, 3]);
    const complete = trials.filter((trial) => trial.state === 'COMPLETE');
    const [best] = [...complete].sort((a, b) => (a.values?.[0] ?? 0) - (b.values?.[0] ?? 0));
    const folder = dirname(search.journal);
    expect(parse(readFileSync(join(folder, 'best.yaml'), 'utf8'))).toEqual(best.params);
    expect(readFileSync(join(folder, 'report.md'), 'utf8')).toContain(`Trial ${best.number}: `);
    expect(output).toContain(`Best: trial ${best.number}, val/loss = `);
    expect(output).toContain(
      'npm run train -- --config base.yaml --config runs/hpo/fake/best.yaml',
    );
    expect(readdirSync(folder).filter((name) => /lease|lock|owner/.test(name))).toEqual([]);
  });

  it('counts trials in total, and --more adds', async () => {
    expect((await search.run(['--n-trials', '2'])).code).toBe(0);
    const { output } = await search.run(['--n-trials', '2']);
    expect(output).toContain('2 finished');
    expect(output).toContain('All 2 trials are done; --more 20 or a larger --n-trials goes on.');
    expect(await search.trials()).toHaveLength(2);
    expect((await search.run(['--more', '1'])).code).toBe(0);
    expect(await search.trials()).toHaveLength(3);
  });

  it('goes on in a moved folder with --resume-from, with the settings it had', async () => {
    expect((await search.run(['--n-trials', '1', '--trial-steps', '9'])).code).toBe(0);
    const moved = join(search.folder, 'elsewhere');
    renameSync(dirname(search.journal), moved);
    const { code, output } = await search.run(['--resume-from', 'elsewhere', '--more', '1']);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain('its value came within 9 updates');
    expect(output).not.toContain('other settings');
    const trials = await search.trials(new JournalStorage(join(moved, 'study.journal')));
    expect(trials.map((trial) => trial.number)).toEqual([0, 1]);
    const wrong = await search.run(['--resume-from', 'nowhere']);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.output).toContain('--resume-from nowhere: there is no such file or folder');
  });

  it('tests itself in a study of its own, anew each time', async () => {
    for (let round = 0; round < 2; round++) {
      const { code, output } = await search.run(['--test-mode', '--n-trials', '1']);
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('Study "fake-test" in runs/hpo/fake-test/study.journal: new study');
    }
    expect(existsSync(search.journal)).toBe(false);
  });

  it('runs workers side by side on divided cores', async () => {
    const { code, output } = await search.run(['--n-trials', '6', '--workers', '2']);
    expect(code).toBe(0);
    expect(output).toContain('2 workers of ');
    const trials = await search.trials();
    expect(trials.map((trial) => trial.number)).toEqual([0, 1, 2, 3, 4, 5]);
    const [first, second] = trials;
    expect(Date.parse(second.datetimeStart ?? '')).toBeLessThan(
      Date.parse(first.datetimeComplete ?? ''),
    );
  });

  it('records each kind of failure with its reason and goes on', async () => {
    const faults = { 0: 'throw', 1: 'exit', 2: 'kill', 3: 'nan', 4: 'hang' };
    const args = ['--n-trials', '6', '--workers', '2', '--trial-timeout', '3'];
    const { code } = await search.run(args, { faults });
    expect(code).toBe(0);
    const trials = await search.trials();
    const reasons = trials.map((trial) => trial.userAttrs.fail_reason);
    expect(trials.map((trial) => trial.state)).toEqual([...Array(5).fill('FAIL'), 'COMPLETE']);
    expect(trials.map((trial) => trial.values)).toEqual([
      ...Array(5).fill(null),
      expect.any(Array),
    ]);
    expect(reasons[0]).toMatch(/^failed:exception: Error: the model has a hole/);
    expect(reasons[1]).toMatch(/^failed:exit: exited with code 7/);
    expect(reasons[2]).toMatch(/^failed:signal: killed by SIGKILL/);
    expect(reasons[3]).toBe('failed:nan: val/loss was NaN at update 0');
    expect(reasons[4]).toBe('failed:timeout: still running after 3 s');
  });

  it('stops when trials only fail, all the same way', async () => {
    const faults = Object.fromEntries([0, 1, 2, 3, 4, 5].map((number) => [number, 'throw']));
    const { code, output } = await search.run(['--n-trials', '6'], { faults });
    expect(code).toBe(1);
    expect(output).toContain('failed the same way: failed:exception: Error: the model has a hole');
    expect(await search.trials()).toHaveLength(3);
  });

  it('knows want of memory from a crash, in the heap and outside of it', async () => {
    const options = { faults: { 0: 'heap', 1: 'buffer' }, heapMb: 48 };
    expect(await search.run(['--n-trials', '3'], options)).toMatchObject({ code: 0 });
    const trials = await search.trials();
    expect(trials.map((trial) => trial.state)).toEqual(['FAIL', 'FAIL', 'COMPLETE']);
    expect(trials[0].userAttrs.fail_reason).toMatch(/^failed:oom: out of memory; /);
    expect(trials[1].userAttrs.fail_reason).toMatch(/^failed:oom: .*allocation failed/);
  });

  it('pauses on SIGINT and continues the trial where it was', async () => {
    const expected = await undisturbed(3);
    const { child, end } = search.start(['--n-trials', '3'], { stepMs: 60 });
    await until(() => existsSync(join(search.trialFolder(0), 'state.json')));
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 130 });
    expect((await search.trials()).map((trial) => trial.state)).toEqual(['RUNNING']);
    const second = await search.run(['--n-trials', '3']);
    expect(second).toMatchObject({ code: 0 });
    expect(second.output).toContain('trial 0 was interrupted and is continued');
    expect(outcome(await search.trials())).toEqual(expected);
  });

  it('lets a second search of the same study wait for the first', async () => {
    // Slow enough to be at it still when the second has started, on a busy machine too.
    const first = search.start(['--n-trials', '2'], { stepMs: 300 });
    await until(() => existsSync(search.trialFolder(0)));
    const second = await search.run(['--n-trials', '3']);
    expect(await first.end).toMatchObject({ code: 0 });
    expect(second.code).toBe(0);
    expect(second.output).toContain(`is being run by process ${first.child.pid}`);
    expect((await search.trials()).map((trial) => trial.number)).toEqual([0, 1, 2]);
  });
});

describe('a coordinator killed with kill -9 at any moment', () => {
  it(`comes to exactly its total, with the values of an undisturbed search (${killRounds} rounds)`, async () => {
    const total = Math.max(4, 2 * killRounds);
    const expected = await undisturbed(total);
    for (let round = 0; round < killRounds; round++) {
      const { child, end } = search.start(['--n-trials', String(total)], { stepMs: 40 });
      await sleep(400 + ((round * 377) % 900));
      child.kill('SIGKILL');
      await end;
    }
    const last = await search.run(['--n-trials', String(total)]);
    expect(last).toMatchObject({ code: 0 });
    expect(outcome(await search.trials())).toEqual(expected);
  });

  it('takes its children with it, even one that never looks up', async () => {
    const { child, end } = search.start(['--n-trials', '1'], { faults: { 0: 'hang' } });
    const note = join(search.trialFolder(0), 'process.json');
    await until(() => existsSync(note));
    const { pid } = JSON.parse(readFileSync(note, 'utf8')) as { pid: number };
    await sleep(500);
    expect(isRunning(pid)).toBe(true);
    child.kill('SIGKILL');
    await end;
    await until(() => !isRunning(pid));
  });
});

describe('a wrong command line', () => {
  it.each([
    [['--n-trails', '5'], 'unknown flag --n-trails. Did you mean "--n-trials"?'],
    [['--n-trials', 'ten'], '--n-trials expects a whole number from 1, got "ten"'],
    [['--sampler', 'tpee'], 'unknown sampler "tpee". Did you mean "tpe"?'],
    [['--storage', 'mysql://db/x'], 'mysql:// is not supported'],
  ])('%p is refused before anything is made', async (args, message) => {
    const { code, output } = await search.run(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).not.toContain('    at ');
    expect(existsSync(search.journal)).toBe(false);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; !condition(); round++) {
    if (round > 1000) throw new Error('waited in vain');
    await sleep(20);
  }
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}
