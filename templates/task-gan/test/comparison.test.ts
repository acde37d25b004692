import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from 'lightbox-runtime/tf';
import { compareImages } from '../src/models/compareImages.ts';
import { sampleBatch } from './samples.ts';

beforeAll(() => tf.ready());

function measure(made: tf.Tensor4D): { distance: number; digits: number } {
  const { distance, digits } = compareImages(sampleBatch(100), made);
  return { distance: distance.dataSync()[0], digits: digits.dataSync()[0] };
}

describe('the comparison with real images', () => {
  it('finds no difference to images of the same kinds', () => {
    const { distance, digits } = measure(sampleBatch(100).image.reverse(0));
    expect(distance).toBeLessThan(0.02);
    expect(digits).toBeCloseTo(10, 3);
  });

  it('finds out a generator that makes one digit only', () => {
    const one = sampleBatch(1).image.tile([100, 1, 1, 1]);
    const { distance, digits } = measure(one as tf.Tensor4D);
    expect(distance).toBeGreaterThan(0.4);
    expect(digits).toBeCloseTo(1, 3);
  });

  it('finds out noise and grey', () => {
    expect(measure(tf.randomNormal([100, 28, 28, 1])).distance).toBeGreaterThan(0.2);
    expect(measure(tf.zeros([100, 28, 28, 1])).distance).toBeGreaterThan(0.2);
  });
});
