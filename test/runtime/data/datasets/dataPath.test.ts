import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { resolveDataPath } from '../../../../runtime/src/data/datasets/dataPath.ts';

const root = mkdtempSync(join(tmpdir(), 'lightbox-path-'));
afterAll(() => rmSync(root, { recursive: true }));

function put(...parts: string[]): string {
  const path = join(root, ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '{}');
  return path;
}

const table = put('project', 'table.csv');
const digits = put('node_modules', '@some', 'digits', 'data', 'images');
put('node_modules', '@some', 'digits', 'package.json');
const project = join(root, 'project');

describe('resolveDataPath', () => {
  it('takes paths from the project folder and absolute ones', () => {
    expect(resolveDataPath('table.csv', project)).toBe(table);
    expect(resolveDataPath(table, '/')).toBe(table);
  });

  it('finds packages in the folders above, scoped ones too', () => {
    expect(resolveDataPath('package:@some/digits/data/images', project)).toBe(digits);
  });

  it.each([
    { path: 'absent.csv', message: /no file or folder .*absent\.csv/ },
    {
      path: 'package:other-data/x',
      message: /"other-data" is not installed.*npm install other-data/,
    },
    {
      path: 'package:@some/digits/data/labels',
      message: /"@some\/digits" is installed .*no file "data\/labels"/,
    },
    { path: 'package:@some/digits', message: /no data path/ },
    { path: 'package:@some/digits/../../x', message: /no data path/ },
  ])('refuses $path', ({ path, message }) => {
    expect(() => resolveDataPath(path, project)).toThrow(message);
  });
});
