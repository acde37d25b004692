import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { RunFolder, readRunRecord } from '../../../runtime/src/loggers/index.ts';
import { folders } from './folders.ts';

const makeFolder = folders();
const run = {
  command: ['npm', 'run', 'train'],
  seed: 42,
  versions: { 'lightbox-runtime': '0.1.0' },
};

describe('RunFolder', () => {
  it('gives every run a folder of its own, also at once', async () => {
    const root = await makeFolder();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => RunFolder.create({ ...run, root, name: 'digits' })),
    );
    expect(made.map(({ dir }) => dir).toSorted()).toEqual(
      Array.from({ length: 8 }, (_, version) => join(root, 'digits', `version_${version}`)),
    );
    expect(await RunFolder.newest('digits', root)).toBe(join(root, 'digits', 'version_7'));
    expect(await RunFolder.newest('letters', root)).toBeNull();
  });

  it('never uses a number again below the highest', async () => {
    const root = await makeFolder();
    await mkdir(join(root, 'a', 'version_10'), { recursive: true });
    await mkdir(join(root, 'a', 'version_x'));
    const folder = await RunFolder.create({ ...run, root, name: 'a' });
    expect(folder.record.version).toBe(11);
  });

  it('records what ran and how it ended', async () => {
    const root = await makeFolder();
    const folder = await RunFolder.create({ ...run, root, name: 'a' });
    expect(await readRunRecord(folder.dir)).toMatchObject({
      ...{ format: 1, name: 'a', version: 0, seed: 42, status: 'running' },
      sessions: [{ command: run.command, startStep: 0, endedAt: null, status: 'running' }],
    });
    await folder.finish('interrupted');
    const resumed = await RunFolder.open(folder.dir, { command: ['resume'], startStep: 120 });
    // Not ended: as after kill -9.
    const again = await RunFolder.open(resumed.dir, { command: ['resume'], startStep: 130 });
    await again.finish('finished');
    const record = await readRunRecord(folder.dir);
    expect(record.status).toBe('finished');
    expect(record.sessions.map(({ status, startStep }) => [status, startStep])).toEqual([
      ['interrupted', 0],
      ['killed', 120],
      ['finished', 130],
    ]);
    expect(record.sessions[2].endedAt).toMatch(/^\d{4}-.*Z$/);
  });

  it('keeps each configuration that differs', async () => {
    const root = await makeFolder();
    const folder = await RunFolder.create({ ...run, root, name: 'a' });
    for (const yaml of ['a: 1\n', 'a: 1\n', 'a: 2\n', 'a: 3\n']) await folder.writeConfig(yaml);
    const names = (await readdir(folder.dir)).filter((name) => name.endsWith('.yaml'));
    expect(names).toEqual(['config.1.yaml', 'config.2.yaml', 'config.yaml']);
    const texts = await Promise.all(names.map((name) => readFile(join(folder.dir, name), 'utf8')));
    expect(texts).toEqual(['a: 1\n', 'a: 2\n', 'a: 3\n']);
  });

  it('does not let the name leave the root', async () => {
    const root = await makeFolder();
    const folder = await RunFolder.create({ ...run, root, name: '../../up' });
    expect(folder.dir.startsWith(join(root, '_'))).toBe(true);
    expect(folder.name).toBe('../../up');
  });

  it('refuses what is no run and what cannot be written', async () => {
    const root = await makeFolder();
    const open = RunFolder.open(root, { command: [], startStep: 0 });
    await expect(open).rejects.toMatchObject({
      code: 'ERR_RUN_FOLDER',
      message: expect.stringContaining('is not the folder of a run'),
    });
    await writeFile(join(root, 'run.json'), '{"format":2}');
    await expect(readRunRecord(root)).rejects.toThrow(/not of format 1/);
    await writeFile(join(root, 'file'), '');
    const create = RunFolder.create({ ...run, root: join(root, 'file'), name: 'a' });
    await expect(create).rejects.toMatchObject({ code: 'ERR_RUN_FOLDER' });
  });
});
