import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from '@jest/globals';
import { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { silenceTfBanner } from '../trainer/silenceTfBanner.ts';

silenceTfBanner();

class Inner extends TrainModule {
  scale = tf.variable(tf.scalar(1));
  override trainingStep(): tf.Scalar {
    return tf.scalar(0);
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new SGD() };
  }
}

const norm = () => tfl.layers.batchNormalization({});

class Outer extends Inner {
  net = tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 2, inputShape: [3] }),
      norm(),
      tfl.layers.dropout({ rate: 0.1 }),
    ],
  });
  blocks = [new Inner(), new Inner()];
  byName = { left: tf.variable(tf.zeros([2])), frozen: tf.variable(tf.zeros([1]), false) };
  alias = this.byName.left;
  flatten = tfl.layers.flatten();
  notes = ['text', 3];
  constant = tf.zeros([4]);
}

describe('parameters()', () => {
  it('finds weights in fields, models, arrays, objects and nested modules, each once', () => {
    const found = new Outer().parameters();
    expect(
      found.map(({ name, trainable, owner }) => `${name} ${owner}${trainable ? '' : ' fixed'}`),
    ).toEqual([
      'scale Variable',
      'net.0.kernel Dense',
      'net.0.bias Dense',
      'net.1.gamma BatchNormalization',
      'net.1.beta BatchNormalization',
      'net.1.moving_mean BatchNormalization fixed',
      'net.1.moving_variance BatchNormalization fixed',
      'blocks.0.scale Variable',
      'blocks.1.scale Variable',
      'byName.left Variable',
      'byName.frozen Variable fixed',
    ]);
  });

  it('gives the same names in every instance', () => {
    const names = () => new Outer().parameters().map(({ name }) => name);
    expect(names()).toEqual(names());
  });

  it('asks for layers that have no weights yet', () => {
    const module = Object.assign(new Inner(), { dense: tfl.layers.dense({ units: 2 }) });
    expect(() => module.parameters()).toThrow(/in field "dense" has no weights yet/);
  });
});

describe('TrainModule', () => {
  it('sets training on modules inside', () => {
    const module = new Outer();
    module.setTraining(true);
    expect(module.blocks.map(({ training }) => training)).toEqual([true, true]);
    module.setTraining(false);
    expect(module.blocks[1].training).toBe(false);
  });

  it('keeps its options as frozen plain data', () => {
    class Configured extends Inner {
      constructor() {
        super({ width: 3, inner: { list: [1] }, act: () => 0 });
      }
    }
    const { hparams } = new Configured();
    expect(hparams).toEqual({ width: 3, inner: { list: [1] } });
    expect(Object.isFrozen(hparams.inner)).toBe(true);
  });

  it('says that there is no trainer and no forward', () => {
    expect(() => new Inner().trainer).toThrow(/only there while a trainer runs/);
    expect(() => new Inner().forward(0)).toThrow(/Inner has no forward/);
  });
});
