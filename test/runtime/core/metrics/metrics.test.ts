import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as metrics from '../../../../runtime/src/core/metrics/index.ts';
import type { Metric } from '../../../../runtime/src/core/metrics/index.ts';
import { MetricStore } from '../../../../runtime/src/core/metricStore.ts';
import { silenceTfBanner } from '../../trainer/silenceTfBanner.ts';

silenceTfBanner();

const { inputs, expected } = JSON.parse(
  readFileSync(new URL('torchmetrics.json', import.meta.url), 'utf8'),
) as { inputs: Record<string, number[]>; expected: Record<string, number | number[] | number[][]> };

const count = inputs.classes.length;
type Pair = [
  preds: string,
  target: string,
  width: number,
  targetWidth: number,
  type: 'int32' | 'float32',
];
const pairs: Record<string, Pair> = {
  multiclass: ['scores', 'classes', 4, 1, 'int32'],
  softmax: ['softmax', 'classes', 4, 1, 'int32'],
  binary: ['probabilities', 'yes', 1, 1, 'int32'],
  multilabel: ['labelScores', 'labels', 3, 3, 'int32'],
  numbers: ['x', 'y', 1, 1, 'float32'],
};

/** Value over the epoch when the samples come in batches of unequal sizes. */
function overBatches(
  metric: Metric & { update(preds: tf.Tensor, target: tf.Tensor): Metric },
  pair: string,
): Record<string, number> {
  const [preds, target, width, targetWidth, type] = pairs[pair];
  const store = new MetricStore(() => new Map([['m', metric]]));
  store.enter('validate');
  let start = 0;
  for (const size of [9, 9, 4, count - 22]) {
    tf.tidy(() => {
      const x = inputs[preds].slice(start * width, (start + size) * width);
      const y = inputs[target].slice(start * targetWidth, (start + size) * targetWidth);
      const shape = width === 1 ? [size] : [size, width];
      const targetShape = targetWidth === 1 ? [size] : [size, targetWidth];
      store.log('m', metric.update(tf.tensor(x, shape), tf.tensor(y, targetShape, type)), {});
    });
    store.settle(size, 1);
    start += size;
  }
  return store.finishEpoch('validate', 1);
}

function flat(value: number | number[] | number[][]): number[] {
  return [value].flat(2);
}

const cases: [string, () => Parameters<typeof overBatches>[0], string][] = [];
for (const average of ['micro', 'macro', 'weighted', 'none'] as const) {
  for (const name of ['Accuracy', 'Precision', 'Recall', 'F1Score'] as const) {
    const make = (task: 'multiclass' | 'multilabel', numClasses: number) => () =>
      new metrics[name]({ task, numClasses, average });
    cases.push([`${name}/multiclass/${average}`, make('multiclass', 4), 'multiclass']);
    cases.push([`${name}/multilabel/${average}`, make('multilabel', 3), 'multilabel']);
  }
}
for (const name of ['Accuracy', 'Precision', 'Recall', 'F1Score'] as const) {
  cases.push([`${name}/binary`, () => new metrics[name]({ task: 'binary' }), 'binary']);
}
const multiclass = { task: 'multiclass', numClasses: 4 } as const;
for (const average of ['macro', 'weighted', 'none'] as const) {
  const make = () => new metrics.AUROC({ ...multiclass, average });
  cases.push([`AUROC/multiclass/${average}`, make, 'softmax']);
}
cases.push(
  ['Accuracy/top2', () => new metrics.Accuracy({ ...multiclass, topK: 2 }), 'multiclass'],
  ['Accuracy/ignore', () => new metrics.Accuracy({ ...multiclass, ignoreIndex: 1 }), 'multiclass'],
  ['AUROC/binary', () => new metrics.AUROC({ task: 'binary' }), 'binary'],
  [
    'AUROC/multilabel/macro',
    () => new metrics.AUROC({ task: 'multilabel', numClasses: 3 }),
    'multilabel',
  ],
  ['ConfusionMatrix', () => new metrics.ConfusionMatrix(multiclass), 'multiclass'],
  [
    'ConfusionMatrix/true',
    () => new metrics.ConfusionMatrix({ ...multiclass, normalize: 'true' }),
    'multiclass',
  ],
  ['MAE', () => new metrics.MeanAbsoluteError(), 'numbers'],
  ['MSE', () => new metrics.MeanSquaredError(), 'numbers'],
  ['RMSE', () => new metrics.RootMeanSquaredError(), 'numbers'],
  ['R2', () => new metrics.R2Score(), 'numbers'],
  ['Perplexity', () => new metrics.Perplexity({ ignoreIndex: 2 }), 'multiclass'],
);

describe('metrics over unequal batches', () => {
  it.each(cases)('%s is what torchmetrics computes', (name, make, pair) => {
    const values = Object.values(overBatches(make(), pair));
    const wanted = flat(expected[name]);
    expect(values).toHaveLength(wanted.length);
    values.forEach((value, index) => {
      expect(value).toBeCloseTo(wanted[index], 5);
    });
  });

  it('takes one-hot targets and predicted classes', () => {
    const accuracy = new metrics.Accuracy({ task: 'multiclass', numClasses: 3 });
    const store = new MetricStore(() => new Map([['accuracy', accuracy]]));
    tf.tidy(() => {
      const scores = tf.tensor2d([0.1, 0.7, 0.2, 0.6, 0.3, 0.1], [2, 3]);
      accuracy.update(scores, tf.tensor2d([0, 1, 0, 0, 0, 1], [2, 3]));
      accuracy.update(tf.tensor1d([2, 2], 'int32'), tf.tensor1d([2, 2], 'int32'));
      store.log('acc', accuracy, { onStep: true, onEpoch: true });
    });
    expect(store.settle(2, 1)).toEqual({ 'train/acc_step': 0.75 });
    expect(store.finishEpoch('train', 1)).toEqual({ 'train/acc_epoch': 0.75 });
    expect(store.latest.get('train/acc')?.value).toBe(0.75);
  });

  it('weights a mean by numbers of its own', () => {
    const mean = new metrics.MeanMetric();
    const store = new MetricStore(() => new Map([['mean', mean]]));
    store.log('a', mean.update(2, 3), {});
    store.settle(100, 1);
    store.log('a', mean.update(tf.tensor1d([4, 6]), tf.tensor1d([1, 0])), {});
    store.settle(1, 2);
    expect(store.finishEpoch('train', 2)).toEqual({ 'train/a': 2.5 });
  });

  it('leaves no tensors behind', () => {
    const metric = new metrics.Perplexity();
    const before = tf.memory().numTensors;
    overBatches(metric, 'multiclass');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('mistakes with metrics', () => {
  const binary = new metrics.Accuracy({ task: 'binary' });
  const store = () => new MetricStore(() => new Map([['binary', binary]]));

  it.each([
    [
      'ERR_METRIC_RANGE',
      () => {
        const one = store();
        one.log('a', binary.update(tf.tensor1d([2.5]), tf.tensor1d([1])), {});
        one.settle(1, 1);
      },
    ],
    ['ERR_METRIC_SHAPE', () => binary.update(tf.zeros([3]), tf.zeros([4]))],
    ['ERR_METRIC_OPTIONS', () => new metrics.Accuracy({ task: 'multiclass' })],
    [
      'ERR_LOG_VALUE',
      () => {
        store().log('a', binary, {});
      },
    ],
    [
      'ERR_METRIC_FIELD',
      () => {
        const stray = new metrics.MeanMetric();
        const one = store();
        one.log('a', stray.update(1), {});
        one.settle(1, 1);
      },
    ],
    [
      'ERR_METRIC_UNLOGGED',
      () => {
        const metric = new metrics.MeanMetric();
        tf.tidy(() => void metric.update(tf.scalar(1)));
        metric.update(2);
      },
    ],
  ])('%s', (code, mistake) => {
    expect(mistake).toThrow(expect.objectContaining({ code }));
  });
});
