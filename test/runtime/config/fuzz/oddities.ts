import type { KeyLine } from './baseConfigs.ts';
import type { Dice } from './dice.ts';
import type { FuzzCase } from './mutations.ts';

type Edit = (lines: string[], line: KeyLine) => { lines: string[]; at?: number } | Uint8Array;

/** Files that are strange YAML, or none; each changed at one line. */
export function yamlOddities(dice: Dice, text: string, line: KeyLine): FuzzCase {
  const [name, edit] = dice.pick(edits);
  const edited = edit(text.split('\n'), line);
  const kind = `yaml: ${name}`;
  if (edited instanceof Uint8Array) {
    return { kind, text: edited, flags: [], names: [''], places: ['a.yaml'] };
  }
  const { lines, at = line.at } = edited;
  // The parser may see only at the next line that something is wrong with this one.
  const places = [at, at + 1].map((one) => `a.yaml:${String(one + 1)}:`);
  const names = [
    line.key,
    '<<',
    '---',
    '...',
    '%YAML',
    ...(name === 'text' || name === 'list' ? [''] : []),
  ];
  return { kind, text: lines.join('\n'), flags: [], names, places };
}

const edits: readonly (readonly [name: string, edit: Edit])[] = [
  ['tab', (lines, line) => withLine(lines, line, (text) => `\t${text.trimStart()}`)],
  ['tab behind', (lines, line) => withLine(lines, line, (text) => text.replace(': ', ':\t'))],
  ['no colon', (lines, line) => withLine(lines, line, (text) => text.replace(':', ''))],
  ['no space', (lines, line) => withLine(lines, line, (text) => text.replace(': ', ':'))],
  ['two colons', (lines, line) => withLine(lines, line, (text) => `${text}: x`)],
  ['open double', (lines, line) => withLine(lines, line, (text) => text.replace(': ', ': "'))],
  ['open single', (lines, line) => withLine(lines, line, (text) => text.replace(': ', ": '"))],
  ['open list', (lines, line) => withLine(lines, line, (text) => `${text} [1, 2`)],
  ['open map', (lines, line) => withValue(lines, line, '{a: 1')],
  ['close', (lines, line) => withValue(lines, line, '1]')],
  ['less indent', (lines, line) => withLine(lines, line, (text) => text.replace(/^ /, ''))],
  ['more indent', (lines, line) => withLine(lines, line, (text) => `   ${text}`)],
  ['nul', (lines, line) => withValue(lines, line, 'a\u0000b')],
  ['control', (lines, line) => withValue(lines, line, 'a\u0007\u001b[31mb')],
  ['bell in key', (lines, line) => withLine(lines, line, (text) => text.replace(':', '\u0007:'))],
  ['bom', (lines) => ({ lines: [`\uFEFF${lines[0]}`, ...lines.slice(1)], at: 0 })],
  ['bom inside', (lines, line) => withLine(lines, line, (text) => `\uFEFF${text}`)],
  ['crlf', (lines) => ({ lines: lines.map((text) => `${text}\r`) })],
  ['cr', (lines) => ({ lines: [lines.join('\r')], at: 0 })],
  ['long line', (lines, line) => withValue(lines, line, 'x'.repeat(1_000_000))],
  ['long comment', (lines, line) => withLine(lines, line, (text) => `${text} #${'c'.repeat(300_000)}`)],
  ['merge key', (lines, line) => inserted(lines, line, '<<: {max_epochs: 1}')],
  ['merge alias', (lines, line) => inserted(lines, line, '<<: *missing')],
  ['document', (lines, line) => inserted(lines, line, '---', '')],
  ['end', (lines, line) => inserted(lines, line, '...', '')],
  ['directive', (lines, line) => inserted(lines, line, '%YAML 1.1', '')],
  ['comma', (lines, line) => withLine(lines, line, (text) => `${text},`)],
  ['own alias', (lines, line) => withValue(lines, line, '&me [*me]')],
  ['bomb', (lines, line) => withValue(lines, line, bomb(12))],
  ['utf-16', (lines) => Buffer.from(`\uFEFF${lines.join('\n')}`, 'utf16le')],
  ['bytes', (lines) => Buffer.concat([Buffer.from(lines.join('\n')), Buffer.from([0xff, 0xfe, 0x80])])],
  ['zip', () => Buffer.from('UEsDBBQAAAAIAAAAIQD/////AAAAAA==', 'base64')],
  ['text', (lines) => ({ lines: ['just some words', ...lines.slice(0, 0)], at: 0 })],
  ['list', (lines) => ({ lines: lines.map((text) => `- ${text}`), at: 0 })],
]; // prettier-ignore

function withLine(lines: string[], line: KeyLine, edit: (text: string) => string) {
  return { lines: lines.map((text, at) => (at === line.at ? edit(text) : text)) };
}

function withValue(lines: string[], line: KeyLine, value: string) {
  return withLine(lines, line, () => `${line.indent}${line.key}: ${value}`);
}

function inserted(lines: string[], line: KeyLine, text: string, indent?: string) {
  const before = indent ?? line.indent.replace('-', ' ');
  return { lines: lines.toSpliced(line.at, 0, before + text) };
}

/** Ten aliases of ten aliases of ...: ten to the `levels` values in a few hundred letters. */
function bomb(levels: number): string {
  const row = (level: number): string =>
    `&b${String(level)} [${Array.from({ length: 10 }, () => `*b${String(level - 1)}`).join(', ')}]`;
  const rows = ['&b0 x', ...Array.from({ length: levels }, (_, index) => row(index + 1))];
  return `[${rows.join(', ')}]`;
}
