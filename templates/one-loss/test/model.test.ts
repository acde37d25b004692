import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from 'lightbox-runtime/tf';
import { inputOf, newModel, outputShape, sampleBatch } from './samples.ts';

beforeAll(() => tf.ready());

describe('the model', () => {
  it('gives one output for each sample', () => {
    const output = newModel().forward(inputOf(sampleBatch(5)));
    expect(output.shape).toEqual(outputShape(5));
  });

  it('takes its own example input', () => {
    const model = newModel();
    const output = model.forward(model.exampleInput() as Parameters<typeof model.forward>[0]);
    expect(output.shape).toEqual(outputShape(1));
  });

  it('sends a gradient to every weight', () => {
    const model = newModel();
    const trainable = model.parameters().filter((parameter) => parameter.trainable);
    const { grads } = tf.variableGrads(
      () => model.trainingStep(sampleBatch(16)),
      trainable.map(({ variable }) => variable),
    );
    const norms = trainable.map(({ name, variable }) => [
      name,
      grads[variable.name].norm().dataSync()[0] > 0,
    ]);
    expect(norms).toEqual(trainable.map(({ name }) => [name, true]));
  });

  it('begins with the same weights for the same seed only', () => {
    const firstWeights = (seed: number) => [...newModel(seed).parameters()[0].variable.dataSync()];
    expect(firstWeights(1)).toEqual(firstWeights(1));
    expect(firstWeights(1)).not.toEqual(firstWeights(2));
  });
});
