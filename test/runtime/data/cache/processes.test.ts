import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { CachedDataset } from '../../../../runtime/src/data/cache/cachedDataset.ts';
import { entryFolder, listEntryFolders } from '../../../../runtime/src/data/cache/entryFiles.ts';
import { listening, newFolder, Rows } from './sources.ts';

const script = fileURLToPath(new URL('./filler.ts', import.meta.url));

interface Filler {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly output: () => string;
  readonly ended: Promise<void>;
}

/** @param killAt the child kills itself for us: SIGKILL once it has printed this */
function filler(folder: string, count: number, pause: number, killAt?: RegExp): Filler {
  return watched([folder, String(count), String(pause)], killAt);
}

function watched(argv: readonly string[], killAt?: RegExp): Filler {
  const args = ['--import', 'tsx', script, ...argv];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += String(chunk);
    if (killAt?.test(output) === true) child.kill('SIGKILL');
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
  });
  return { child, output: () => output, ended };
}

const made = (text: string): number => Number(/^made (\d+) label/m.exec(text)?.[1] ?? NaN);

describe('filling by processes', () => {
  it('is done by one of two that begin together; the other waits', async () => {
    const folder = newFolder();
    const both = [0, 1].map(() => watched([folder, '400', '150', 'wait']));
    await Promise.all(both.map(({ child }) => once(child.stdout, 'data')));
    for (const { child } of both) child.stdin.write('go');
    await Promise.all(both.map(({ ended }) => ended));
    const texts = both.map(({ output }) => output());
    // Sample 0 tells the layout and is asked for once more with its block.
    expect(texts.map(made).sort((a, b) => a - b)).toEqual([0, 401]);
    const waited = texts.find((text) => made(text) === 0);
    expect(waited).toMatch(/process \d+ on .* is filling slow already; waiting for it/);
  });

  it('killed, goes on after the last whole block and leaves nothing behind', async () => {
    const folder = newFolder();
    const first = filler(folder, 400, 150, /^done (189|252)$/m);
    await first.ended;
    expect(first.child.signalCode).toBe('SIGKILL');
    const [entry] = listEntryFolders(join(folder, 'lightbox-data'));
    expect(readdirSync(entry)).toEqual(expect.arrayContaining(['data.part', 'lock']));
    // As after a loss of power: the last block is on disk in part only.
    const table = readFileSync(join(entry, 'table.part'));
    const blocks = table.length / 16;
    truncateSync(join(entry, 'data.part'), blocks * 63 * 4104 - 1000);

    const rows = new Rows(400);
    const dataset = new CachedDataset(rows, { folder });
    await dataset.prepare(listening());
    expect(rows.made).toBe(1 + 400 - (blocks - 1) * 63);
    expect(Array.from({ length: 400 }, (_, id) => dataset.get(id))).toEqual(
      Array.from({ length: 400 }, (_, id) => new Rows(400).get(id)),
    );
    expect(dataset.folder).toBe(entryFolder(join(folder, 'lightbox-data'), dataset.key));
    expect(readdirSync(entry).sort()).toEqual(['data.bin', 'lightbox-entry', 'manifest.json']);
  });

  it('one that waits takes over when the other is killed', async () => {
    const folder = newFolder();
    const first = filler(folder, 400, 400, /^done 126$/m);
    const rows = new Rows(400);
    await new Promise<void>((resolve) => {
      first.child.stdout.on('data', () => first.output().includes('done 63') && resolve());
    });
    const report = listening();
    await new CachedDataset(rows, { folder }).prepare(report);
    await first.ended;
    expect(first.child.signalCode).toBe('SIGKILL');
    expect(report.lines[0]).toMatch(/is filling Rows already; waiting/);
    expect(rows.made).toBeLessThan(400);
  });
});
