import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from 'lightbox-runtime/tf';
import { vocabularySize } from '../src/data/alphabet.ts';
import { context, newModel } from './samples.ts';

beforeAll(() => tf.ready());

/** Logits of each position for a window of these characters. */
function logitsOf(model: ReturnType<typeof newModel>, window: readonly number[]): number[][] {
  const values = model.forward(tf.tensor2d([[...window]], undefined, 'int32')).dataSync();
  return Array.from({ length: window.length }, (_, position) => [
    ...values.slice(position * vocabularySize, (position + 1) * vocabularySize),
  ]);
}

describe('a prediction', () => {
  const window = Array.from({ length: context }, (_, position) => 10 + position);

  it.each([1, 4, context - 1])('does not know the character at place %i before it', (place) => {
    const model = newModel();
    const changed = window.with(place, 70);
    const [before, after] = [logitsOf(model, window), logitsOf(model, changed)];
    const differs = before.map((row, position) =>
      row.some((logit, index) => Math.abs(logit - after[position][index]) > 1e-6),
    );
    expect(differs).toEqual(window.map((_, position) => position >= place));
  });

  it('depends on the order of what was before', () => {
    const model = newModel();
    const swapped = window.with(0, window[1]).with(1, window[0]);
    const [before, after] = [logitsOf(model, window), logitsOf(model, swapped)];
    expect(after[context - 1]).not.toEqual(before[context - 1]);
  });

  it('is the same for a shorter window', () => {
    const model = newModel();
    const [long, short] = [logitsOf(model, window), logitsOf(model, window.slice(0, 5))];
    short.forEach((row, position) => {
      row.forEach((logit, index) => expect(logit).toBeCloseTo(long[position][index], 5));
    });
  });
});
