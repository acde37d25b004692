import { describe, expect, it } from '@jest/globals';
import { toPlain } from '../../../runtime/src/config/node.ts';
import { load, messageOf } from './inProject.ts';

const plain = (texts: string[], flags: string[] = []) => toPlain(load(texts, flags));

describe('files', () => {
  it('merges maps deeply and replaces lists', () => {
    const first = 'trainer: {max_epochs: 1, logger: [a, b]}\nhpo: {list: [1, 2], deep: {x: 1}}\n';
    const second = 'trainer: {max_steps: 5}\nhpo: {list: [3], deep: {y: 2}}\n';
    expect(plain([first, second])).toEqual({
      trainer: { max_epochs: 1, max_steps: 5, logger: ['a', 'b'] },
      hpo: { list: [3], deep: { x: 1, y: 2 } },
    });
  });

  it('accepts an empty file and one with comments only', () => {
    expect(plain(['', '# nothing\n'])).toEqual({});
  });

  it('follows YAML 1.2: no octal by zero, no yes and no, numbers with exponents', () => {
    expect(plain(['hpo: {a: yes, b: 1e-4, c: 0o17, d: "1", e: ~}'])).toEqual({
      hpo: { a: 'yes', b: 0.0001, c: 15, d: '1', e: null },
    });
  });

  it('freezes the merged configuration', () => {
    const values = plain(['hpo: {a: {b: [1]}}']) as { hpo: { a: { b: number[] } } };
    expect(() => values.hpo.a.b.push(2)).toThrow(TypeError);
  });

  it('repeats anchored values', () => {
    expect(plain(['hpo: {a: &x {k: 1}, b: *x}'])).toEqual({ hpo: { a: { k: 1 }, b: { k: 1 } } });
  });

  it.each([
    [
      'a duplicate key',
      'trainer:\n  max_epochs: 1\n  max_epochs: 2\n',
      /^a\.yaml:3:3: .*already given/,
    ],
    [
      'broken YAML',
      'trainer: {a: 1\n',
      /^a\.yaml:1:10: trainer: not valid YAML: the closing bracket is missing/,
    ],
    [
      'a prototype key',
      'trainer:\n  __proto__: {a: 1}\n',
      /^a\.yaml:2:3: trainer.__proto__: .*not allowed/,
    ],
    ['a list at the top', '- 1\n', /^a\.yaml:1:1: expected keys/],
    [
      'an open quote',
      'model:\n  a: "x\n  b: 1\n',
      /^a\.yaml:2:6: model\.a: .*closing quote is missing/,
    ],
    ['a tab', 'trainer:\n\tmax_epochs: 3\n', /^a\.yaml:2:1: .*expected spaces, found a tab/],
    ['a value and keys', 'trainer: 1\n  a: 2\n', /either a value or keys below it/],
    ['a tag', 'trainer: !x 1\n', /^a\.yaml:1:10: trainer: .*tags .* have no meaning here/],
    ['an unknown alias', 'trainer: *x\n', /^a\.yaml:1:10: trainer: .*no &x above/],
    [
      'a hidden space',
      'trainer:\n  \u00a0max_epochs: 1\n',
      /^a\.yaml:2:3: .*U\+00A0, which cannot be seen/,
    ],
    ['a control character', 'trainer:\n  a: \u0007\n', /^a\.yaml:2:6: trainer\.a: U\+0007/],
    ['endless nesting', `trainer: ${'['.repeat(5000)}`, /nested deeper than 100 levels/],
    ['an alias of itself', 'trainer: &x [*x]\n', /^a\.yaml:1:14: trainer\.0: an alias/],
    ['a map as key', '? {a: 1}\n: 2\n', /^a\.yaml:1:3: keys must be text/],
  ])('says where %s is', async (_, text, expected) => {
    expect(await messageOf(() => load([text]))).toMatch(expected);
  });

  it('reads merge keys, whatever the order, and line ends of all systems', () => {
    const text = 'environment: &e {A: 1, B: 2}\r\nhpo:\r\n  B: 3\r\n  <<: *e\r\n  C: 4\r\n';
    expect(toPlain(load([text]))).toMatchObject({ hpo: { A: 1, B: 3, C: 4 } });
  });

  it('refuses a file that is not there', async () => {
    const message = await messageOf(() => load([], [], { files: ['configs/none.yaml'] }));
    expect(message).toBe('Cannot read the configuration configs/none.yaml: there is no such file.');
  });

  it('refuses a prototype key in an object given in code', async () => {
    const file = JSON.parse('{"trainer": {"__proto__": {"polluted": true}}}') as object;
    expect(await messageOf(() => load([], [], { files: [file] }))).toMatch(/__proto__/);
  });
});

describe('overrides', () => {
  it.each([
    [['--hpo.x', '200'], 200],
    [['--hpo.x=200'], 200],
    [['--hpo.x', '1e-4'], 1e-4],
    [['--hpo.x', '-3'], -3],
    [['--hpo.x=-3'], -3],
    [['--hpo.x', 'null'], null],
    [['--hpo.x', '~'], null],
    [['--hpo.x', 'true'], true],
    [['--hpo.x'], true],
    [['--hpo.x', '--hpo.y', '1'], true],
    [['--hpo.x', 'yes'], 'yes'],
    [
      ['--hpo.x', '[1, 2]'],
      [1, 2],
    ],
    [['--hpo.x', '{a: 1}'], { a: 1 }],
    [['--hpo.x', '*/loss'], '*/loss'],
    [['--hpo.x', '#1'], '#1'],
    [['--hpo.x', '%d'], '%d'],
    [['--hpo.x', 'a: b: c'], 'a: b: c'],
    [['--hpo.x='], ''],
    [['--hpo.x', '"0001"'], '0001'],
    [['--hpo.x=a=b'], 'a=b'],
    [['--hpo.x', '1', '--hpo.x', '2'], 2],
  ])('reads %j', (flags, expected) => {
    expect(plain([], flags)).toHaveProperty(['hpo', 'x'], expected);
  });

  it('reaches through lists by position', () => {
    const text = 'hpo: {list: [{a: 1}, {a: 2}]}';
    expect(plain([text], ['--hpo.list.1.a', '5'])).toEqual({ hpo: { list: [{ a: 1 }, { a: 5 }] } });
  });

  it('refuses a position that a list does not have', async () => {
    const message = await messageOf(() => load(['hpo: {list: [1]}'], ['--hpo.list.3', '5']));
    expect(message).toBe(
      '--hpo.list.3: hpo.list is a list; address an entry by a position it has, such as --hpo.list.0.',
    );
  });

  it('puts options of a class below init_args', () => {
    const text = 'model: {class_path: x, init_args: {a: 1}}';
    expect(plain([text], ['--model.b', '2', '--model.init_args.c', '3'])).toEqual({
      model: { class_path: 'x', init_args: { a: 1, b: 2, c: 3 } },
    });
  });

  it('adds to lists', () => {
    expect(plain(['hpo: {list: [1]}'], ['--hpo.list+=2', '--hpo.list+=[3, 4]'])).toEqual({
      hpo: { list: [1, 2, 3, 4] },
    });
  });

  it.each([
    [
      ['--trainr.max_epochs', '1'],
      /unknown flag --trainr\.max_epochs\. Did you mean --trainer\.max_epochs\?/,
    ],
    [['--seed-everythin', '1'], /unknown flag --seed-everythin\. Did you mean --seed_everything\?/],
    [['--zzzzzzzzz.x', '1'], /Keys of the configuration begin with --seed_everything/],
    [['--config'], /--config needs a value/],
    [['--trainer..x', '1'], /--trainer\.\.x: not a key/],
    [['--trainer.__proto__.x', '1'], /--trainer\.__proto__\.x: not a key/],
  ])('refuses %j', async (flags, expected) => {
    expect(await messageOf(() => load([], flags))).toMatch(expected);
  });
});

describe('keyed lists', () => {
  const list = `trainer:
  callbacks:
    - class_path: lightbox.callbacks.EarlyStopping
      init_args: {patience: 3, monitor: val/loss}
    - class_path: lightbox.callbacks.ModelCheckpoint
    - class_path: lightbox.callbacks.ModelCheckpoint
`;

  it('changes one entry of a list by its class name', () => {
    const over = 'trainer: {callbacks: {early_stopping: {init_args: {patience: 9}}}}';
    expect(plain([list, over])).toHaveProperty('trainer.callbacks', {
      early_stopping: {
        class_path: 'lightbox.callbacks.EarlyStopping',
        init_args: { patience: 9, monitor: 'val/loss' },
      },
      model_checkpoint: { class_path: 'lightbox.callbacks.ModelCheckpoint' },
      model_checkpoint_2: { class_path: 'lightbox.callbacks.ModelCheckpoint' },
    });
  });

  it.each([
    '--trainer.callbacks.early_stopping.init_args.patience',
    '--trainer.callbacks.early_stopping.patience',
    '--trainer.callbacks.0.patience',
  ])('changes one entry by %s', (flag) => {
    const node = JSON.stringify(plain([list], [flag, '7']));
    expect(node).toContain('"init_args":{"patience":7,"monitor":"val/loss"}');
    expect(node.match(/class_path/g)).toHaveLength(3);
  });

  it('adds an entry to a keyed map', () => {
    const keyed = 'trainer: {callbacks: {stop: {class_path: lightbox.callbacks.EarlyStopping}}}';
    const flags = ['--trainer.callbacks+=lightbox.callbacks.Timer'];
    expect(plain([keyed], flags)).toHaveProperty('trainer.callbacks', {
      stop: { class_path: 'lightbox.callbacks.EarlyStopping' },
      timer: 'lightbox.callbacks.Timer',
    });
  });

  it('replaces the whole list by a list', () => {
    const over = 'trainer: {callbacks: [{class_path: lightbox.callbacks.Timer}]}';
    expect(plain([list, over])).toHaveProperty('trainer.callbacks', [
      { class_path: 'lightbox.callbacks.Timer' },
    ]);
  });
});

describe('a changed class_path', () => {
  const first = 'model: {class_path: a, init_args: {x: 1, y: 2}}';

  it('keeps the arguments when it brings none', () => {
    expect(plain([first, 'model: {class_path: b}'])).toEqual({
      model: { class_path: 'b', init_args: { x: 1, y: 2 } },
    });
  });

  it('starts the arguments afresh when it brings its own', () => {
    expect(plain([first, 'model: {class_path: b, init_args: {z: 3}}'])).toEqual({
      model: { class_path: 'b', init_args: { z: 3 } },
    });
  });
});

describe('precedence', () => {
  const environment = { LIGHTBOX__HPO__C: 'env', LIGHTBOX__HPO__D: 'env', PATH: 'x' };
  const embedded = load(['hpo: {a: ckpt, b: ckpt, c: ckpt, d: ckpt}']);

  it('is checkpoint, files, environment, command line', () => {
    const texts = ['hpo: {b: first, c: first, d: first}', 'hpo: {b: second}'];
    const tree = load(texts, ['--hpo.d', 'flag'], { embedded, environment });
    expect(toPlain(tree)).toEqual({ hpo: { a: 'ckpt', b: 'second', c: 'env', d: 'flag' } });
  });
});

describe('variables', () => {
  it('that set variables keep the case of their names', () => {
    const environment = { LIGHTBOX__ENVIRONMENT__WANDB_MODE: 'offline', LIGHTBOX__HPO__Kept: '1' };
    expect(toPlain(load(['hpo: {a: 1}'], [], { environment }))).toEqual({
      hpo: { a: 1, kept: 1 },
      environment: { WANDB_MODE: 'offline' },
    });
  });
});

describe('references', () => {
  it('copies values with their type and inserts text into text', () => {
    const text = `hpo: {n: 5, list: [1, 2], same: "\${hpo.n}", all: "\${hpo.list}", text: "n=\${hpo.n}!"}`;
    expect(plain([text])).toEqual({
      hpo: { n: 5, list: [1, 2], same: 5, all: [1, 2], text: 'n=5!' },
    });
  });

  it('sees overrides, follows chains and knows the short form', () => {
    const text = `model: {class_path: x, init_args: {dim: 4, half: "\${hpo.dim}"}}
hpo: {dim: "\${model.dim}", raw: "$\${model.dim}"}`;
    expect(plain([text], ['--model.dim', '8'])).toEqual({
      model: { class_path: 'x', init_args: { dim: 8, half: 8 } },
      hpo: { dim: 8, raw: '${model.dim}' },
    });
  });

  it.each([
    [
      'a: "${hpo.b}"\n  b: "${hpo.a}"',
      /a\.yaml:2:6: hpo\.a: references go in a circle: hpo\.a -> hpo\.b -> hpo\.a/,
    ],
    ['a: "${hpo}"', /references go in a circle/],
    ['a: "${hpo.none}"', /a\.yaml:2:6: hpo\.a: \$\{hpo\.none\}: nothing is written there/],
    ['a: "x ${hpo.b}"\n  b: [1]', /hpo\.a: \$\{hpo\.b\} is not a single value/],
  ])('reports %j', async (body, expected) => {
    expect(await messageOf(() => load([`hpo:\n  ${body}\n`]))).toMatch(expected);
  });
});
