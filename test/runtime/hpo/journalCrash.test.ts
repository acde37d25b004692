import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { JournalStorage, Study } from '../../../runtime/src/hpo/index.ts';
import { identityOf, livenessOf } from '../../../runtime/src/hpo/processIdentity.ts';

// Real processes on a machine that may be busy with other tests.
jest.setTimeout(180_000);

const writer = fileURLToPath(new URL('fixtures/journalWriter.mjs', import.meta.url));
const killRounds = Number(process.env.LIGHTBOX_KILL_ROUNDS ?? 3);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-crash-'));
  path = join(folder, 'study.journal');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('a journal cut inside its last line', () => {
  it('is read without it and repaired before the next write, at every byte', async () => {
    const full = join(folder, 'full.journal');
    const storage = new JournalStorage(full);
    const study = await Study.create({ name: 'a', storage });
    for (let index = 0; index < 3; index++) await study.tell(await study.ask(), index);
    const whole = readFileSync(full, 'utf8');
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1;
    const bytes = Buffer.byteLength(whole);
    expect(bytes - last).toBeGreaterThan(100);
    for (let size = last; size <= bytes; size++) {
      copyFileSync(full, path);
      truncateSync(path, size);
      const cut = new JournalStorage(path);
      const states = (await cut.trials(0)).map((trial) => trial.state);
      expect(states).toEqual(['COMPLETE', 'COMPLETE', size === bytes ? 'COMPLETE' : 'RUNNING']);
      await cut.createTrial(0);
      await cut.close();
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as { op_code: number }).op_code).at(-1)).toBe(4);
      const kept = size === bytes ? whole : whole.slice(0, last);
      expect(readFileSync(path, 'utf8').startsWith(kept)).toBe(true);
    }
    await storage.close();
  });
});

describe('a lock left behind', () => {
  it('by a dead process of this machine is broken at once', async () => {
    const owner = `${path}.lock.gone.owner`;
    writeFileSync(owner, JSON.stringify(identityOf(deadPid())));
    symlinkSync('study.journal.lock.gone.owner', `${path}.lock`);
    const storage = new JournalStorage(path);
    const begun = performance.now();
    await storage.createStudy('a', ['minimize']);
    expect(performance.now() - begun).toBeLessThan(2000);
    await storage.close();
    expect(readdirSync(folder)).toEqual(['study.journal']);
  });

  it('is broken at once by several at the same time, and every write happens once', async () => {
    writeFileSync(`${path}.lock.gone.owner`, JSON.stringify(identityOf(deadPid())));
    symlinkSync('study.journal.lock.gone.owner', `${path}.lock`);
    const storages = Array.from({ length: 8 }, () => new JournalStorage(path));
    await Promise.all(
      storages.map((storage, index) => storage.createStudy(`s${index}`, ['minimize'])),
    );
    expect(await storages[0].studies()).toHaveLength(8);
    for (const storage of storages) await storage.close();
  });

  it('by a reused process number is known by the start time', () => {
    const own = identityOf(process.pid);
    expect(livenessOf(own)).toBe('alive');
    expect(livenessOf({ ...own, started: '1' })).toBe('gone');
    expect(livenessOf({ ...own, boot: 'another' })).toBe('gone');
    expect(livenessOf({ ...own, host: 'elsewhere' })).toBe('unknown');
    expect(livenessOf({ ...own, namespace: 'pid:[1]' })).toBe('unknown');
    expect(livenessOf(identityOf(deadPid()))).toBe('gone');
  });

  it('by Optuna, or from another machine, is broken after the grace time', async () => {
    writeFileSync(path, '');
    symlinkSync(path, `${path}.lock`);
    const storage = new JournalStorage(path, { graceMs: 300 });
    const begun = performance.now();
    await storage.createStudy('a', ['minimize']);
    expect(performance.now() - begun).toBeGreaterThan(290);
    await storage.close();
    const elsewhere = { ...identityOf(process.pid), host: 'elsewhere' };
    writeFileSync(`${path}.lock`, JSON.stringify(elsewhere));
    const other = new JournalStorage(path, { graceMs: 300 });
    await other.createStudy('b', ['minimize']);
    await other.close();
  });

  it('that is alive is respected, and the message says whose it is', async () => {
    writeFileSync(`${path}.lock`, JSON.stringify(identityOf(process.ppid)));
    const storage = new JournalStorage(path, { timeoutMs: 200 });
    await expect(storage.createStudy('a', ['minimize'])).rejects.toThrow(
      `held by process ${process.ppid} on `,
    );
    rmSync(`${path}.lock`);
    await storage.createStudy('a', ['minimize']);
    await storage.close();
  });
});

describe('writers killed with kill -9', () => {
  it(`lose nothing that was acknowledged (${killRounds} rounds of two writers)`, async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < killRounds; round++) {
      const outputs = await Promise.all(
        [1, 2].map((number) => writeAndKill(300 + round * 37 + number * 50)),
      );
      acknowledged.push(...outputs.flat());
    }
    const storage = new JournalStorage(path);
    const begun = performance.now();
    const trials = await storage.trials(0);
    await storage.createTrial(0);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(trials.map((trial) => trial.number)).toEqual(trials.map((_, index) => index));
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    for (const number of acknowledged) {
      expect(trials[number]).toMatchObject({ state: 'COMPLETE', values: [number] });
    }
    await storage.close();
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

/** Lets a writer work until it is killed; returns the numbers it was told are safe. */
function writeAndKill(milliseconds: number): Promise<number[]> {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), milliseconds);
    output += text;
  });
  return new Promise((resolve) => {
    child.on('close', () => {
      // The last line may be cut; only whole lines were promises.
      resolve(output.split('\n').slice(0, -1).map(Number));
    });
  });
}
