import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { makeProject, runIn } from './fakeHost.ts';

const isRoot = process.getuid?.() === 0;
let cwd: string;

beforeAll(() => {
  cwd = makeProject();
  const files: Record<string, string> = {
    'empty.yaml': '',
    'comments.yaml': '# nothing\n\n# at all\n',
    'list.yaml': '- model\n- data\n',
    'text.yaml': 'just words\n',
    'syntax.ts': 'export class Line {\n  constructor( {\n}\n',
    'throws.ts':
      "export class Line {\n  constructor() {\n    throw new Error('no width given');\n  }\n  trainingStep() {}\n}\n",
    'onLoad.ts': "throw new Error('the table is missing');\nexport class Line {}\n",
    'missingImport.ts': "import { x } from './nowhere.ts';\nexport class Line {\n  x = x;\n}\n",
    'notModule.ts': 'export class Line {}\n',
    'oldSchema.ts': 'export class Line {\n  static schema = { parse: () => ({}) };\n}\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  mkdirSync(join(cwd, 'folder.yaml'));
  writeFileSync(join(cwd, 'locked.yaml'), 'model: {}\n');
  chmodSync(join(cwd, 'locked.yaml'), 0o000);
});

describe('a configuration file', () => {
  it.each([
    ['missing.yaml', 'Cannot read the configuration missing.yaml: there is no such file.'],
    ['line.yaml/x.yaml', 'Cannot read the configuration line.yaml/x.yaml: a part of the path is a'],
    [
      'folder.yaml',
      'Cannot read the configuration folder.yaml: it is a folder; name a file in it.',
    ],
    ['empty.yaml', 'The configuration has no "model" section. Name the class in it: model: {class'],
    ['comments.yaml', 'The configuration has no "model" section.'],
    [
      'list.yaml',
      'list.yaml:1:1: expected keys such as "trainer:" at the top of the file, got a list',
    ],
    [
      'text.yaml',
      'text.yaml:1:1: expected keys such as "trainer:" at the top of the file, got the t',
    ],
  ])('%s ends with 2 and says why', async (file, expected) => {
    const { code, warned } = await runIn(cwd, ['fit', '--config', file]);
    expect(warned).toContain(`error: ${expected}`);
    expect(warned).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  // The superuser may read every file.
  (isRoot ? it.skip : it)('without permission ends with 2 and says why', async () => {
    const { code, warned } = await runIn(cwd, ['fit', '--config', 'locked.yaml']);
    expect(warned).toContain('Cannot read the configuration locked.yaml: its permissions do not');
    expect(code).toBe(2);
  });
});

describe('a class', () => {
  it.each([
    ['./none.ts#Line', 'there is no file', 'Did you mean "line.ts"?'],
    ['./line.ts#Lime', 'line.ts has no export "Lime".', 'Did you mean "Line"?'],
    ['./syntax.ts#Line', 'syntax.ts could not be loaded:', 'model.class_path'],
    ['./onLoad.ts#Line', 'onLoad.ts could not be loaded: the table is missing', 'onLoad.ts:1'],
    ['./missingImport.ts#Line', 'missingImport.ts could not be loaded:', 'nowhere.ts'],
    ['./notModule.ts#Line', 'Line is not a TrainModule', 'it has no trainingStep()'],
    ['./oldSchema.ts#Line', 'the static schema of Line', 'is not a zod 4 schema'],
  ])('%s ends with 2 and says why', async (path, expected, wayOut) => {
    const flags = [`--model.class_path=${path}`, '--model.init_args={}'];
    const { code, warned } = await runIn(cwd, ['fit', '--config', 'line.yaml', ...flags]);
    expect(warned).toContain(expected);
    expect(warned).toContain(wayOut);
    expect(warned).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  it('that throws in its constructor ends with 1, the key, its own message and place', async () => {
    const flags = ['--model.class_path=./throws.ts#Line', '--model.init_args={}'];
    const { code, warned } = await runIn(cwd, ['fit', '--config', 'line.yaml', ...flags]);
    const first =
      'error: model (--model.class_path): the constructor of Line threw: no width given';
    expect(warned.split('\n')[0]).toBe(first);
    expect(warned).toMatch(/^\s+at .*throws\.ts/m);
    expect(code).toBe(1);
  });
});
