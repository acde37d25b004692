import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resolveDataPath } from 'lightbox-runtime/data';

export type Split = 'train' | 'val' | 'test';

/** Which texts of the corpus to read. */
export interface TextSelection {
  /** The corpus' list of texts, lines of "<file> <category>"; the texts lie beside it. */
  readonly list: string;
  readonly split: Split;
  /** Categories to take; null takes all. */
  readonly categories: readonly string[] | null;
}

/**
 * The selected texts of the Brown corpus as people write them: without word classes, and with
 * punctuation next to its word. Whole texts are set aside: of each twenty, one for validation and
 * one for testing.
 */
export function readBrownTexts({ list, split, categories }: TextSelection): string[] {
  const file = resolveDataPath(list);
  const entries = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  const known = new Set(entries.map(([, category]) => category));
  const unknown = categories?.find((category) => !known.has(category));
  if (unknown !== undefined) {
    throw new Error(`No category "${unknown}" in ${file}: it has ${[...known].join(', ')}.`);
  }
  return entries
    .filter((_, index) => splitOf(index) === split)
    .filter(([, category]) => categories === null || categories.includes(category))
    .map(([name]) => plainText(readFileSync(join(dirname(file), name), 'utf8')));
}

function splitOf(index: number): Split {
  if (index % 20 === 9) return 'val';
  return index % 20 === 19 ? 'test' : 'train';
}

/** "The/at jury/nn said/vbd ,/, ``/`` no/at ''/'' ./." -> `The jury said, "no".` */
export function plainText(tagged: string): string {
  const paragraphs = tagged
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) =>
      line
        .split(/\s+/)
        .map((word) => word.slice(0, word.lastIndexOf('/')))
        .join(' '),
    );
  return `${paragraphs.map(joinPunctuation).join('\n')}\n`;
}

function joinPunctuation(sentence: string): string {
  return sentence
    .replaceAll(/([;?!]) \1/g, '$1')
    .replaceAll('`` ', '"')
    .replaceAll(" ''", '"')
    .replaceAll(/ ([,.;:?!)])/g, '$1')
    .replaceAll('( ', '(');
}
