import { afterAll, describe, expect, it } from '@jest/globals';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { Rng, seedEverything, withKeyedRandom } from '../../../runtime/src/random/index.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, weightBits } from '../trainer/tinyRun.ts';

/** Weights from an initializer without a seed, as in most people's code. */
class Net extends TinyModule {
  readonly first = tf.layers.dense({ units: 3, inputShape: [3] });
  constructor() {
    super({ dropout: 0.3 });
    this.first.build([null, 3]);
  }
  override forward(input: unknown): tf.Tensor2D {
    return super.forward(this.first.apply(input as tf.Tensor));
  }
  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: 0.01 }) };
  }
}

// The rest of this process keeps its own random numbers.
const original = Object.getOwnPropertyDescriptor(Math, 'random') ?? {};
afterAll(() => {
  Object.defineProperty(Math, 'random', original);
});

async function train(seed: number) {
  seedEverything(seed);
  const module = new Net();
  const start = weightBits(module);
  const trainer = await quietTrainer({ maxEpochs: 2 });
  expect(trainer.options.seed).toBe(seed);
  await trainer.fit({ module, trainLoader: tinyLoader() });
  return { start, end: weightBits(module) };
}

describe('seedEverything', () => {
  it('makes weights and training of a program repeat themselves', async () => {
    const first = await train(42);
    expect(await train(42)).toEqual(first);
    const other = await train(43);
    expect(other.start).not.toEqual(first.start);
    expect(other.end).not.toEqual(first.end);
  });

  it('gives the initial weights of a configuration with that seed', () => {
    const configured = withKeyedRandom(Rng.fromSeed(7).fold('init'), () => new Net());
    expect(seedEverything(7)).toBe(7);
    expect(weightBits(new Net())).toEqual(weightBits(configured));
  });

  it.each([-1, 0.5, Number.NaN])('refuses %p', (seed) => {
    expect(() => seedEverything(seed)).toThrow(/expected a whole number from 0 on/);
  });
});
