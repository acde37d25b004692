import { beforeAll, describe, expect, it } from '@jest/globals';
import { type OptimizerRound } from 'lightbox-runtime';
import * as tf from 'lightbox-runtime/tf';
import { newModel, sampleBatch } from './samples.ts';

beforeAll(() => tf.ready());

describe('the model', () => {
  it('makes an image of each noise, pixels -1 to 1', () => {
    const model = newModel();
    const image = model.forward(model.fixedNoise(5, 0));
    expect(image.shape).toEqual([5, 28, 28, 1]);
    const pixels = image.dataSync();
    expect(Math.min(...pixels)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...pixels)).toBeLessThanOrEqual(1);
  });

  it('takes its own example input', () => {
    const model = newModel();
    expect(model.forward(model.exampleInput() as tf.Tensor2D).shape).toEqual([1, 28, 28, 1]);
  });

  it.each(['critic', 'generator'])('sends a gradient to every weight of the %s', (round) => {
    const model = newModel();
    const own = model.parameters().filter(({ name }) => name.startsWith(`${round}.`));
    expect(own.length).toBeGreaterThan(4);
    const { grads } = tf.variableGrads(
      () => model.trainingStep(sampleBatch(16), 0, round),
      own.map(({ variable }) => variable),
    );
    const norms = own.map(({ name, variable }) => [
      name,
      grads[variable.name].norm().dataSync()[0] > 0,
    ]);
    expect(norms).toEqual(own.map(({ name }) => [name, true]));
  });

  it('gives every weight to one of the two optimizers', () => {
    const model = newModel();
    const rounds = model.configureOptimizers() as OptimizerRound[];
    const prefixes = rounds.map(({ parameters }) => String(parameters).replace('*', ''));
    expect(rounds.map(({ name }) => name)).toEqual(['critic', 'generator']);
    for (const { name } of model.parameters()) {
      expect(prefixes.filter((prefix) => name.startsWith(prefix))).toHaveLength(1);
    }
  });

  it('begins with the same weights for the same seed only', () => {
    const firstWeights = (seed: number) => [...newModel(seed).parameters()[0].variable.dataSync()];
    expect(firstWeights(1)).toEqual(firstWeights(1));
    expect(firstWeights(1)).not.toEqual(firstWeights(2));
  });
});
