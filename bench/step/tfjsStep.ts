// The compiled runtime, which is what projects run: tsx makes closures slower.
import { layers as ownLayers } from '../../runtime/dist/core/layers/index.js';
import { Adam } from '../../runtime/dist/core/optim/index.js';
import { ParameterArena } from '../../runtime/dist/engine/arena/parameterArena.js';
import { computeGradients } from '../../runtime/dist/engine/gradients.js';
import { StepReplay } from '../../runtime/dist/engine/replay/stepReplay.js';
import * as tf from '../../runtime/dist/engine/tf.js';
import { Rng } from '../../runtime/dist/random/index.js';
import { gptLogits } from './gptModel.ts';
import { cases, initialWeights, learningRate, type CaseName, type StepBatch } from './workload.ts';

/** One optimizer step on a batch; returns the loss as a number, as a user who logs it would. */
export type TrainStep = (batch: StepBatch) => number;

/**
 * Training as this runtime does it: gradients into the arena, the update in place.
 * @param mode default: recorded; replay: as `trainer.compile: reduce-overhead` does; autotune: as
 * `max-autotune` does
 */
export function lightboxStep(name: CaseName, mode: 'default' | 'replay' | 'autotune'): TrainStep {
  const model = build(name);
  const parameters = model.variables.map((variable, index) => ({ name: String(index), variable }));
  const arena = new ParameterArena(parameters);
  const optimizer = new Adam({ lr: learningRate });
  optimizer.bind(arena);
  const replay = new StepReplay(name, mode === 'autotune');
  const random = Rng.fromSeed(0);
  return (batch) =>
    withTensors(name, batch, (inputs, labels) => {
      const record = () => computeGradients(() => lossOf(name, model, inputs, labels), arena);
      if (mode === 'default') {
        const loss = record();
        optimizer.step();
        return readAndDispose(loss);
      }
      let loss: tf.Scalar | undefined;
      const known = replay.run({
        guard: '',
        batch: [inputs, labels],
        arena,
        random,
        boundary: false,
        record: () => ({ loss: (loss = record()), scalars: [] }),
        objection: () => null,
      });
      optimizer.step();
      return known?.loss ?? (loss === undefined ? NaN : readAndDispose(loss));
    });
}

/** Training as tfjs's documentation does it, with its own optimizer. */
export function tfjsStep(name: CaseName): TrainStep {
  const model = build(name);
  const optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  return (batch) =>
    withTensors(name, batch, (inputs, labels) => {
      const loss = optimizer.minimize(() => lossOf(name, model, inputs, labels), true);
      if (loss === null) throw new Error('minimize returned no loss');
      return readAndDispose(loss);
    });
}

interface StepModel {
  readonly variables: tf.Variable[];
  logits(inputs: tf.Tensor): tf.Tensor2D;
}

function build(name: CaseName): StepModel {
  const values = initialWeights(name).map((data, index) =>
    tf.tensor(data, [...cases[name].weights[index]]),
  );
  if (name === 'gpt') {
    const variables = values.map((value) => tf.variable(value));
    return { variables, logits: (tokens) => gptLogits(variables, tokens) };
  }
  const model = layered(name);
  model.setWeights(values);
  tf.dispose(values);
  return {
    variables: model.trainableWeights.map((weight) => variableOf(weight.read())),
    logits: (inputs) => model.apply(inputs, { training: true }) as tf.Tensor2D,
  };
}

function layered(name: Exclude<CaseName, 'gpt'>): tf.Sequential {
  if (name === 'lstm') return recurrent();
  const { layers } = tf;
  const { classes } = cases[name];
  const [inputShape, activation] = [[...cases[name].input], 'relu' as const];
  const conv = { kernelSize: 3, padding: 'same' as const, activation };
  return tf.sequential({
    layers:
      name === 'mlp'
        ? [
            layers.dense({ units: 512, inputShape, activation }),
            layers.dense({ units: 256, activation }),
            layers.dense({ units: classes }),
          ]
        : [
            layers.conv2d({ ...conv, filters: 32, inputShape }),
            layers.maxPooling2d({ poolSize: 2 }),
            layers.conv2d({ ...conv, filters: 64 }),
            layers.maxPooling2d({ poolSize: 2 }),
            layers.flatten(),
            layers.dense({ units: 128, activation }),
            layers.dense({ units: classes }),
          ],
  });
}

function recurrent(): tf.Sequential {
  const { input, classes } = cases.lstm;
  return tf.sequential({
    layers: [
      // On other back ends than ort these compute as those of tfjs-layers do.
      ownLayers.lstm({ ...quickStart, returnSequences: true, inputShape: [...input] }),
      ownLayers.lstm(quickStart),
      tf.layers.dense({ units: classes }),
    ],
  });
}

/** Weights are set later; orthogonal ones would take long to make on the slow back ends. */
const quickStart = { units: 128, recurrentInitializer: 'zeros' as const };

/** A layer's weight reads as its variable, though its type says tensor only. */
function variableOf(tensor: tf.Tensor): tf.Variable {
  if (tensor instanceof tf.Variable) return tensor as tf.Variable;
  throw new Error('expected the weight of a layer to be a variable');
}

function lossOf(
  name: CaseName,
  model: StepModel,
  inputs: tf.Tensor,
  labels: tf.Tensor1D,
): tf.Scalar {
  const targets = tf.oneHot(labels, cases[name].classes);
  return tf.losses.softmaxCrossEntropy(targets, model.logits(inputs));
}

function withTensors(
  name: CaseName,
  batch: StepBatch,
  body: (inputs: tf.Tensor, labels: tf.Tensor1D) => number,
): number {
  const inputs = tf.tensor(batch.inputs, [batch.size, ...cases[name].input]);
  const labels = tf.tensor1d(batch.labels, 'int32');
  try {
    return body(inputs, labels);
  } finally {
    tf.dispose([inputs, labels]);
  }
}

function readAndDispose(loss: tf.Scalar): number {
  const [value] = loss.dataSync();
  loss.dispose();
  return value;
}
