import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const folder = new URL('../../', import.meta.url);
const text = readFileSync(new URL('../docs/parity.md', folder), 'utf8');

/** Cells of the table rows; a pipe inside a cell is escaped. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (Capability|-+) /.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, capability, , , here, test]) => ({ capability, here, test }));

function problemOf(reference: string): string | null {
  const [, path, name] = /^`([^`]+\.test\.ts)`(?:: (.+))?$/.exec(reference) ?? [];
  if (path === undefined) return `"${reference}" is no reference to a test`;
  const file = new URL(path, folder);
  if (!existsSync(file)) return `${path} does not exist`;
  if (name === undefined || readFileSync(file, 'utf8').includes(name)) return null;
  return `${path} has no test "${name}"`;
}

describe('the parity table', () => {
  it('names only tests that exist, in every row', () => {
    const problems = rows.flatMap(({ test }) => test.split('; ').map(problemOf));
    expect(problems.filter((problem) => problem !== null)).toEqual([]);
  });

  it('has as many rows as it says, each with a capability of its own and an answer', () => {
    expect(text).toContain(`${String(rows.length)} rows.`);
    expect(rows.length).toBeGreaterThan(160);
    expect(rows.filter(({ capability, here }) => capability === '' || here === '')).toEqual([]);
  });

  it('notices a test that is gone', () => {
    expect(problemOf('`runtime/trainer/gone.test.ts`')).toMatch(/does not exist/);
    expect(
      problemOf('`runtime/docs/parity.test.ts`: is never written'.replace('is', 'was')),
    ).toMatch(/has no test/);
  });
});
