import { pbkdf2 } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { AppendFile } from '../../../runtime/src/loggers/appendFile.ts';
import { folders } from './folders.ts';

const makeFolder = folders();

describe('AppendFile', () => {
  it('keeps the order when a full queue is written while a batch is on its way', async () => {
    const path = join(await makeFolder(), 'log');
    const file = await AppendFile.open(path, { delay: 1000, queueBytes: 100 });
    let expected = '';
    for (let round = 0; round < 50; round++) {
      const small = `${round} small\n`;
      file.append(() => small);
      const flushed = file.flush();
      const large = `${round} ${'large'.repeat(40)}\n`;
      file.append(() => large);
      expected += small + large;
      if (round % 3 === 0) await flushed;
    }
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(expected);
  });

  it('has written a full queue when append returns', async () => {
    const path = join(await makeFolder(), 'log');
    const file = await AppendFile.open(path, { delay: 60_000, queueBytes: 10 });
    file.append(() => 'more than ten bytes');
    expect(await readFile(path, 'utf8')).toBe('more than ten bytes');
    await file.close();
  });

  it('makes lines later, in their order, and each once', async () => {
    const path = join(await makeFolder(), 'log');
    const file = await AppendFile.open(path, { delay: 60_000, queueBytes: 1_000_000 });
    const made: number[] = [];
    for (let line = 0; line < 100; line++) {
      file.append(() => {
        made.push(line);
        return `${line}\n`;
      });
      if (line === 62) expect(made).toEqual([]);
    }
    await file.flush();
    const lines = Array.from({ length: 100 }, (_, line) => line);
    expect(made).toEqual(lines);
    await file.close();
    expect(await readFile(path, 'utf8')).toBe(`${lines.join('\n')}\n`);
  });

  it('leaves no hole when it overtakes a batch on its way', async () => {
    const path = join(await makeFolder(), 'log');
    const file = await AppendFile.open(path, { delay: 0, queueBytes: 10 });
    const busy = occupyThreads();
    file.append(() => 'first\n');
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(readFileSync(path, 'utf8')).toBe('');
    const flushed = file.flush();
    file.append(() => 'more than ten bytes\n');
    expect(readFileSync(path, 'utf8')).toBe('first\nmore than ten bytes\n');
    await Promise.all([flushed, busy]);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('first\nmore than ten bytes\n');
  });

  it('goes on at the end of a file that exists', async () => {
    const path = join(await makeFolder(), 'log');
    for (const text of ['one\n', 'two\n']) {
      const file = await AppendFile.open(path, { delay: 1, queueBytes: 100 });
      file.append(() => text);
      await file.close();
    }
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
  });

  const fullDisk = canOpen('/dev/full') ? it : it.skip;
  fullDisk('(needs /dev/full) says so when the disk is full, again and again', async () => {
    const file = await AppendFile.open('/dev/full', { delay: 60_000, queueBytes: 10 });
    const full = { code: 'ERR_LOGGER_WRITE', message: expect.stringContaining('ENOSPC') };
    file.append(() => 'short');
    await expect(file.flush()).rejects.toMatchObject(full);
    await expect(file.flush()).rejects.toMatchObject(full);
    expect(() => {
      file.append(() => 'more than ten bytes');
    }).toThrow(/ENOSPC/);
    await expect(file.close()).rejects.toMatchObject(full);
  });
});

/** Keeps all of Node's file threads busy for a moment, so that no write can be done meanwhile. */
async function occupyThreads(): Promise<void> {
  const hash = promisify(pbkdf2);
  await Promise.all(Array.from({ length: 8 }, () => hash('a', 'b', 30_000, 32, 'sha512')));
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}
