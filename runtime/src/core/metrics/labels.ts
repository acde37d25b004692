import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import type { HostPart, MetricPart } from './metric.ts';

/** What the classes of a classification are. */
export const labelOptions = {
  task: z
    .enum(['binary', 'multiclass', 'multilabel'])
    .describe('binary: yes or no. multiclass: one of several. multilabel: any of several.'),
  numClasses: z
    .int()
    .min(2)
    .optional()
    .describe('Number of classes (multiclass) or labels (multilabel).'),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Probability above which the answer is yes (binary, multilabel).'),
  logits: z
    .boolean()
    .default(false)
    .describe('Predictions are logits instead of probabilities (binary, multilabel).'),
  ignoreIndex: z.int().nullable().default(null).describe('Target that is left out.'),
};

export type LabelOptions = z.output<z.ZodObject<typeof labelOptions>>;

/** Classes or labels that counts are kept for. @throws UsageError ERR_METRIC_OPTIONS */
export function classCount(owner: string, { task, numClasses }: LabelOptions): number {
  if (task === 'binary') return 1;
  if (numClasses !== undefined) return numClasses;
  throw new UsageError(
    'ERR_METRIC_OPTIONS',
    `${owner}: task "${task}" needs numClasses, such as { task: '${task}', numClasses: 10 }.`,
  );
}

/**
 * Brings predictions and targets into a form whose values are cheap to read: predicted classes for
 * multiclass (`[..., classes]` of scores, or classes), the values themselves otherwise.
 * @param keepScores leave the scores of all classes as they are
 * @throws UsageError ERR_METRIC_SHAPE
 */
export function labelParts(
  owner: string,
  options: LabelOptions,
  preds: tf.Tensor,
  target: tf.Tensor,
  keepScores = false,
): MetricPart[] {
  if (options.task !== 'multiclass') {
    if (preds.size !== target.size) throw wrongShapes(owner, preds, target, 'as many of both');
    return [preds, target];
  }
  const classes = options.numClasses ?? 0;
  const scored = preds.shape.at(-1) === classes && preds.dtype === 'float32';
  if (!scored) {
    if (preds.size === target.size && !keepScores) return [preds, target];
    throw wrongShapes(owner, preds, target, `predictions [..., ${String(classes)}]`);
  }
  const wanted = tf.tidy(() => {
    if (target.size * classes === preds.size) return target.clone();
    if (target.size === preds.size) return tf.argMax(target, -1);
    throw wrongShapes(owner, preds, target, 'one class, or one one-hot row, for each prediction');
  });
  return [keepScores ? preds : tf.argMax(preds, -1), wanted];
}

/** Whether a probability (or logit) says yes. @throws UsageError ERR_METRIC_RANGE */
export function decision(owner: string, { threshold, logits }: LabelOptions) {
  return (value: number): boolean => {
    if (logits) return 1 / (1 + Math.exp(-value)) > threshold;
    if (value >= 0 && value <= 1) return value > threshold;
    if (Number.isNaN(value)) return false;
    throw new UsageError(
      'ERR_METRIC_RANGE',
      `${owner}: expected probabilities from 0 to 1, got ${String(value)}. For logits set { logits: true }.`,
    );
  };
}

/** The class at `index` of the targets. @throws UsageError ERR_METRIC_RANGE */
export function classAt(owner: string, { data }: HostPart, index: number, classes: number): number {
  const label = data[index];
  if (Number.isInteger(label) && label >= 0 && label < classes) return label;
  throw new UsageError(
    'ERR_METRIC_RANGE',
    `${owner}: expected classes from 0 to ${String(classes - 1)}, got ${String(label)}. ` +
      'Set numClasses to the number of classes, or ignoreIndex to leave a value out.',
  );
}

function wrongShapes(
  owner: string,
  preds: tf.Tensor,
  target: tf.Tensor,
  expected: string,
): UsageError {
  return new UsageError(
    'ERR_METRIC_SHAPE',
    `${owner}: got predictions [${preds.shape.join(', ')}] (${preds.dtype}) and targets ` +
      `[${target.shape.join(', ')}], expected ${expected}.`,
  );
}
