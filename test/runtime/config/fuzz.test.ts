import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { judge, type Verdict } from './fuzz/judge.ts';

const full = process.env.LIGHTBOX_TEST_FULL === '1';
const count = full ? 4000 : 150;
const secondsPerCase = 20;

interface Report extends Verdict {
  readonly number: number;
  readonly kind: string;
  readonly ms: number;
  readonly code: number;
}

/** Tries all cases in a process that is ended when one of them takes too long. */
function tryAll(): Promise<Report[]> {
  const script = fileURLToPath(new URL('./fuzz/main.ts', import.meta.url));
  const args = ['--import', 'tsx', script, '0', String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const reports: Report[] = [];
  let last = 'nothing';
  const hang = (): void => void child.kill('SIGKILL');
  // The first one includes that everything is loaded.
  let timer = setTimeout(hang, 60_000);
  createInterface({ input: child.stdout }).on('line', (line) => {
    clearTimeout(timer);
    timer = setTimeout(hang, secondsPerCase * 1000);
    const message = JSON.parse(line) as Report | { started: number };
    if ('number' in message) reports.push(message);
    else last = line;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(reports);
      else reject(new Error(`ended with ${String(signal ?? code)} in ${last}`));
    });
  });
}

describe(`${String(count)} mutated configurations`, () => {
  let reports: Report[];
  beforeAll(
    async () => {
      reports = await tryAll();
    },
    full ? 600_000 : 90_000,
  );

  it('end at once, never with a stack trace', () => {
    expect(reports).toHaveLength(count);
    expect(reports.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(Math.max(...reports.map(({ ms }) => ms))).toBeLessThan(secondsPerCase * 1000);
  });

  it('are mostly refused, by messages that name key, line and way out', () => {
    const refused = reports.filter(({ code }) => code !== 0);
    const share = (test: (report: Report) => boolean | undefined): number =>
      refused.filter((report) => test(report) === true).length / refused.length;
    const shares = {
      key: share(({ named }) => named),
      line: share(({ placed }) => placed),
      wayOut: share(({ wayOut }) => wayOut),
      all: share(({ named, placed, wayOut }) => named && placed && wayOut),
    };
    const percent = Object.entries(shares).map(
      ([name, value]) => `${name} ${(100 * value).toFixed(1)} %`,
    );
    process.stderr.write(
      `config fuzz: ${String(count)} cases, ${String(refused.length)} refused; ${percent.join(', ')}\n`,
    );
    expect(refused.length).toBeGreaterThan(0.75 * count);
    expect(shares.all).toBeGreaterThan(0.95);
  });
});

describe('the judge of messages', () => {
  const drawn = { kind: 'x', text: '', flags: [], names: ['patience'], places: ['a.yaml:3:'] };

  it.each([
    ['a.yaml:3:5: patience: expected a number', { named: true, placed: true, wayOut: true }],
    ['a.yaml:4:5: patience: expected a number', { placed: false }],
    ['a.yaml:3:5: monitor: expected a number', { named: false }],
    ['a.yaml:3:5: patience is bad', { wayOut: false }],
    ['TypeError: x is not a function\n    at run (main.ts:3:4)', { fault: 'a stack trace' }],
  ])('reads %j', (said, expected) => {
    expect(judge(drawn, 2, said)).toMatchObject(expected);
  });

  it('has an eye on exit codes', () => {
    expect(judge(drawn, 1, 'x').fault).toBe('exit code 1');
    expect(judge(drawn, 0, '')).toEqual({});
  });
});
