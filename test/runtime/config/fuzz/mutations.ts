import { baseConfigs, keyLines, type KeyLine } from './baseConfigs.ts';
import type { Dice } from './dice.ts';
import { yamlOddities } from './oddities.ts';

/** One configuration to try. */
export interface FuzzCase {
  readonly kind: string;
  readonly text: string | Uint8Array;
  readonly flags: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What a message must hold to name the key; any of them will do. */
  readonly names: readonly string[];
  /** What it must hold to name the place: `a.yaml:3:` or the flag. Any of them will do. */
  readonly places: readonly string[];
}

type Mutation = (dice: Dice, text: string, line: KeyLine) => FuzzCase;

/** The case number `dice` stands for. */
export function drawCase(dice: Dice): FuzzCase {
  const text = dice.pick(baseConfigs);
  const line = dice.pick(keyLines(text));
  return dice.pick(mutations)(dice, text, line);
}

const letters = Array.from('abcdefghijklmnopqrstuvwxyz_0123456789');

const oddValues: readonly string[] = [
  '-1', '0', '1.5', '1e400', '-1e308', '9007199254740993', '1e-400', '.nan', '.inf', '-.inf',
  'true', 'false', 'null', '~', '', '""', "''", 'yes', 'off', 'text', '"two words"', '[]', '{}',
  '[1, 2]', '[[]]', '{a: 1}', '{class_path: x}', '{class_path: 3}', '{init_args: {}}', '0x1F',
  '0o17', '1_000', '12:30:45', '2001-12-14', '1e3', '+1', '.5', '5.', '50%', '101%', '-5%',
  '3 parsecs', '-3 epochs', '1e999 updates', '0 updates', 'updates', '\u{1F600}', '\u202Eabc',
  '${trainer.max_epochs}', '${', '${}', '${.}', '$${x}', './net.ts', 'Net', './net.ts#', '#Net',
  `"${'x'.repeat(5000)}"`, '9'.repeat(400), `-${'9'.repeat(400)}`, '!!int "x"', '!custom y',
  '!!binary aGVsbG8=', '!!set {a, b}', '*nowhere', '&a b', '|', '>-', '"\\x00"', '"\\uD800"',
]; // prettier-ignore

const mutations: readonly Mutation[] = [
  mistypedKey,
  mistypedKey,
  extraKey,
  wrongValue,
  wrongValue,
  wrongValue,
  removedKey,
  duplicateKey,
  deepValue,
  wrongReference,
  wrongClass,
  otherKey,
  wrongFlag,
  wrongFlag,
  mistypedFlag,
  oddFlag,
  wrongVariable,
  yamlOddities,
  yamlOddities,
];

function mistypedKey(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const key = mistype(dice, line.key);
  return replaced('mistyped key', text, line, key, line.value, [key]);
}

function mistype(dice: Dice, key: string): string {
  const at = dice.below(key.length);
  const letter = dice.pick(letters);
  const [left, right] = [key.slice(0, at), key.slice(at)];
  return dice.pick([
    left + letter + right,
    left + right.slice(1) || 'x',
    left + letter + right.slice(1),
    `${left}${right.slice(1, 2)}${right.slice(0, 1)}${right.slice(2)}`,
    key.toUpperCase(),
    key.replaceAll('_', '-'),
    key.replace(/_(\w)/g, (_, next: string) => next.toUpperCase()),
    `${key}s`,
  ]);
}

function extraKey(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const key = Array.from({ length: 1 + dice.below(12) }, () => dice.pick(letters)).join('');
  const lines = text.split('\n');
  const name = `k${key}`;
  lines.splice(line.at + 1, 0, `${line.indent.replace('-', ' ')}${name}: 1`);
  // Below the head of a section the key lands where the section's own keys should be.
  const places = line.value === '' ? at(line.at, line.at + 1, line.at + 2) : at(line.at + 1);
  return { kind: 'extra key', text: lines.join('\n'), flags: [], names: [name, line.key], places };
}

function wrongValue(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const value = dice.pick(oddValues);
  return replaced('wrong value', text, line, line.key, value, [line.key]);
}

function removedKey(_: Dice, text: string, line: KeyLine): FuzzCase {
  const lines = text.split('\n');
  const last = endOf(text, line);
  lines.splice(line.at, last - line.at, ...(line.indent.includes('-') ? ['    - x: 1'] : []));
  // The place of what is missing is that of the map which lacks it, or of what refers to it.
  return {
    kind: 'removed key',
    text: lines.join('\n'),
    flags: [],
    names: [line.key, ...line.path.slice(-2, -1), 'x'],
    places: ['a.yaml:'],
  };
}

function duplicateKey(_: Dice, text: string, line: KeyLine): FuzzCase {
  const lines = text.split('\n');
  const last = endOf(text, line);
  lines.splice(last, 0, `${line.indent.replace('-', ' ')}${line.key}: ${line.value}`);
  return {
    kind: 'duplicate key',
    text: lines.join('\n'),
    flags: [],
    names: [line.key],
    places: at(last),
  };
}

function deepValue(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const depth = dice.pick([3, 30, 300, 3000, 30000]);
  const value = dice.pick([
    '['.repeat(depth) + ']'.repeat(depth),
    '{a: '.repeat(depth) + '1' + '}'.repeat(depth),
    '['.repeat(depth),
    `[${Array.from({ length: depth }, (_, index) => String(index)).join(', ')}]`,
  ]);
  return replaced('deep value', text, line, line.key, value, [line.key]);
}

function wrongReference(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const self = line.path.join('.');
  const value = dice.pick([
    `\${${self}}`,
    `"a \${${self}} b"`,
    '${nothing.there}',
    '${trainer}',
    '"${trainer} and ${trainer.max_epoch}"',
    '${trainer.callbacks.0.init_args.nothing}',
    '${__proto__}',
    '${constructor.name}',
    '${model.init_args}',
    '${model.hidden_dim}${model.hidden_dim}',
    '"${${model.hidden_dim}}"',
  ]);
  return replaced('reference', text, line, line.key, value, [line.key]);
}

function wrongClass(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const lines = keyLines(text).filter(({ key }) => key === 'class_path');
  const target = lines[(line.at + dice.below(lines.length)) % lines.length];
  const value = dice.pick([
    mistype(dice, target.value),
    'lightbox.callbacks.None',
    'lightbox.callback.EarlyStopping',
    'lightbox.callbacks',
    'lightbox.',
    'lightbox..',
    'lightbox.callbacks.__proto__',
    'lightbox.constructor.x',
    './nowhere.ts#Net',
    './no/where/net.ts#Net',
    './net.ts#net',
    './net.ts#notAClass',
    './net.ts#constructor',
    './broken.ts#never',
    '.#Net',
    '/#Net',
    '/etc/passwd#x',
    'no-such-package#Thing',
    'zod#z',
    'node:fs#readFileSync',
    'http://example.org/x.js#X',
    'data:text/javascript,0#x',
    'lightning.pytorch.callbacks.EarlyStopping',
    'torch.optim.Adam',
    'my.own.Model',
    'a'.repeat(3000),
    '""',
    '" "',
  ]);
  const at = /[#\s]/.test(value) && !value.startsWith('"') ? JSON.stringify(value) : value;
  return replaced('class path', text, target, 'class_path', at, ['class_path']);
}

function otherKey(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const key = dice.pick([
    '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'length', '0', '-1',
    'null', 'true', '1.5', '"a b"', '"a.b"', '""', '"\\n"', '<<', '[a, b]', '{a: b}', '*x', '&k key',
    '? complex', "'quoted'", '@at', '`tick`', '%percent', 'a'.repeat(2000), 'ключ', '键',
  ]); // prettier-ignore
  const name = key
    .replace(/^["'](.*)["']$/, '$1')
    .replace('&k ', '')
    .replace('? ', '');
  return replaced('other key', text, line, key, line.value, [name, line.key]);
}

function wrongFlag(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const flag = `--${line.path.join('.')}`;
  const value = dice.pick(oddValues);
  const flags = dice.pick([[`${flag}=${value}`], [flag, value], [`${flag}+=${value}`]]);
  return { kind: 'wrong flag', text, flags, names: [line.key], places: [flag] };
}

function mistypedFlag(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const key = mistype(dice, line.key);
  const flag = `--${[...line.path.slice(0, -1), key].join('.')}`;
  const value = line.value === '' ? '1' : line.value;
  const flags = [`${flag}=${value}`];
  return { kind: 'mistyped flag', text, flags, names: [key], places: [flag] };
}

function oddFlag(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const dotted = line.path.join('.');
  const flag = dice.pick([
    `--${dotted}.more`, `--${dotted}.`, `--.${dotted}`, `--${dotted}..x`, `--${dotted}.0`,
    `--${dotted}.99999999999`, `--${dotted}.__proto__`, `--${dotted}.constructor`,
    `--trainer.callbacks.7.init_args`, '--trainer', '--model', '--trainer.callbacks',
    `--${'trainer.'.repeat(200)}x`, `--model.${'a.'.repeat(2000)}b`, '--no-such-flag', '--configs',
  ]); // prettier-ignore
  const flags = dice.pick([[`${flag}=1`], [flag], [flag, 'x'], [`${flag}+=x`]]);
  return { kind: 'odd flag', text, flags, names: [flag.slice(2)], places: [flag] };
}

function wrongVariable(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const key = dice.pick([line.key, mistype(dice, line.key)]);
  const name = `LIGHTBOX__${[...line.path.slice(0, -1), key].join('__').toUpperCase()}`;
  const environment = { [name]: dice.pick(oddValues) };
  const names = [key.toLowerCase()];
  return { kind: 'variable', text, flags: [], environment, names, places: [name] };
}

function replaced(
  kind: string,
  text: string,
  line: KeyLine,
  key: string,
  value: string,
  names: readonly string[],
): FuzzCase {
  const lines = text.split('\n');
  lines[line.at] = `${line.indent}${key}: ${value}`;
  // A value for what was a section leaves its lines below without a head: any of both is right.
  const places = line.value === '' ? at(line.at, line.at + 1) : at(line.at);
  return { kind, text: lines.join('\n'), flags: [], names, places };
}

/** First line behind a key and what is below it. */
function endOf(text: string, line: KeyLine): number {
  const lines = text.split('\n');
  let end = line.at + 1;
  const depth = line.indent.length;
  while (end < lines.length && indentOf(lines[end]) > depth) end++;
  if (line.value === '' && line.key !== 'init_args') {
    while (end < lines.length && /^ *- /.test(lines[end])) end++;
  }
  return end;
}

function at(...lines: readonly number[]): string[] {
  return lines.flatMap((line) => [`a.yaml:${String(line + 1)}:`, `(line ${String(line + 1)})`]);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
