import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { JournalStorage, Study } from '../../../runtime/src/hpo/index.ts';
import { expectWhole } from '../../hpo/expectWhole.ts';
import { FakeSearch } from './fakeSearch.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(120_000);

const disk = join(mkdtempSync(join(tmpdir(), 'lightbox-full-')), 'disk');
mkdirSync(disk);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]).status === 0;
afterAll(() => {
  // Lazily: a process that is just ending may still be at work in it.
  const free = !mounted || spawnSync('umount', ['-l', disk]).status === 0;
  if (free) rmSync(dirname(disk), { recursive: true, force: true });
});

const filler = join(disk, 'filler');
const fill = (): void => {
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k']);
};

// Only root may mount a disk of its own.
(mounted ? describe : describe.skip)('a disk that is full', () => {
  beforeAll(() => {
    rmSync(filler, { force: true });
  });

  it('is said and waited out: no trial fails, none is lost', async () => {
    const search = new FakeSearch(disk);
    const running = search.start(['--n-trials', '4'], { stepMs: 40 });
    await running.printed(/^trial 0 .*\n/m);
    fill();
    await running.printed(/waiting for room/);
    expect(running.child.exitCode).toBeNull();
    rmSync(filler);
    const { code, output } = await running.end;
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/There is room (for the journal )?again\./);
    const trials = await search.trials();
    expectWhole(trials, 4);
    expect(trials.filter((trial) => trial.state === 'FAIL')).toEqual([]);
    search.remove();
  });

  it('is an error at once for a journal on its own, which stays whole', async () => {
    const path = join(disk, 'own.journal');
    const study = await Study.create({ storage: new JournalStorage(path) });
    const trial = await study.ask();
    const text = 'x'.repeat(10_000);
    fill();
    await expect(trial.setUserAttr('text', text)).rejects.toThrow(
      /own\.journal: .*ENOSPC: no space left/,
    );
    rmSync(filler);
    await trial.setUserAttr('text', text);
    const again = await Study.load({ storage: new JournalStorage(path) });
    expect((await again.trials()).map(({ userAttrs }) => userAttrs)).toEqual([{ text }]);
  });
});
