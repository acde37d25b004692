import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Json } from '../json.ts';
import { parseOptions } from '../parseOptions.ts';
import { classAt, classCount, labelOptions, labelParts } from './labels.ts';
import {
  Metric,
  sumsMismatch,
  type HostPart,
  type MetricResult,
  type MetricSums,
} from './metric.ts';

const schema = z.strictObject({
  task: labelOptions.task,
  numClasses: labelOptions.numClasses,
  ignoreIndex: labelOptions.ignoreIndex,
  average: z
    .enum(['macro', 'weighted', 'none'])
    .default('macro')
    .describe('macro: mean over classes. weighted: by how often each occurs. none: each class.'),
});
type Options = z.output<typeof schema>;

/**
 * Area under the ROC curve: how likely a sample of the class gets a higher score than one that is
 * not. Exact, ties count half; it keeps the scores of the epoch (4 bytes for each sample and
 * class). Several classes: each against the rest; those that never or always occur are left out
 * of the mean, and their own value is NaN. Logits and probabilities give the same where one grows
 * with the other: so for binary and multilabel, but give probabilities for multiclass.
 */
export class AUROC extends Metric {
  static readonly schema = schema;
  readonly #options: Options;
  readonly #classes: number;

  constructor(options: z.input<typeof schema>) {
    super();
    this.#options = parseOptions(schema, options, 'AUROC');
    this.#classes = classCount('AUROC', this.#labels);
  }

  /**
   * @param preds scores: `[...]` for binary, `[..., classes]` otherwise
   * @param target 0 and 1, or classes (multiclass)
   */
  update(preds: tf.Tensor, target: tf.Tensor): this {
    return this.note(labelParts('AUROC', this.#labels, preds, target, true));
  }

  newSums(): MetricSums {
    return new Scores(this.#options, this.#classes);
  }

  get #labels() {
    return { ...this.#options, threshold: 0.5, logits: true };
  }
}

/** All scores of an epoch with their targets. */
class Scores implements MetricSums {
  readonly #options: Options;
  readonly #classes: number;
  #scores = new Float32Array(0);
  #targets = new Float32Array(0);
  #used = { scores: 0, targets: 0 };

  constructor(options: Options, classes: number) {
    this.#options = options;
    this.#classes = classes;
  }

  add([preds, target]: readonly HostPart[]): void {
    this.#scores = appended(this.#scores, this.#used.scores, preds.data);
    this.#targets = appended(this.#targets, this.#used.targets, target.data);
    this.#used.scores += preds.data.length;
    this.#used.targets += target.data.length;
  }

  compute(): MetricResult {
    const each = Array.from({ length: this.#classes }, (_, label) => this.#ofClass(label));
    const { task, average } = this.#options;
    if (task === 'binary') return each[0].area;
    if (average === 'none') return Object.fromEntries(each.map(({ area }, at) => [at, area]));
    let sum = 0;
    let total = 0;
    for (const { area, positives } of each) {
      if (Number.isNaN(area)) continue;
      const weight = average === 'weighted' ? positives : 1;
      sum += weight * area;
      total += weight;
    }
    return sum / total;
  }

  stateDict(): Json {
    const text = (values: Float32Array, used: number): string =>
      Buffer.from(values.buffer, values.byteOffset, 4 * used).toString('base64');
    return {
      scores: text(this.#scores, this.#used.scores),
      targets: text(this.#targets, this.#used.targets),
    };
  }

  loadStateDict(state: Json): void {
    const { scores, targets } = (state ?? {}) as { scores?: unknown; targets?: unknown };
    if (typeof scores !== 'string' || typeof targets !== 'string') {
      throw sumsMismatch('AUROC', 'scores and targets');
    }
    this.#scores = floats(scores);
    this.#targets = floats(targets);
    this.#used = { scores: this.#scores.length, targets: this.#targets.length };
  }

  #ofClass(label: number): { area: number; positives: number } {
    const classes = this.#classes;
    const { task, ignoreIndex } = this.#options;
    const scores: number[] = [];
    const wanted: boolean[] = [];
    for (let index = 0; index < this.#used.scores / classes; index++) {
      const target = this.#targets[task === 'multilabel' ? index * classes + label : index];
      if (target === ignoreIndex) continue;
      scores.push(this.#scores[index * classes + label]);
      if (task !== 'multiclass') wanted.push(target > 0.5);
      else wanted.push(classAt('AUROC', { data: [target] }, 0, classes) === label);
    }
    return { area: rocArea(scores, wanted), positives: wanted.filter(Boolean).length };
  }
}

/** The area by the ranks of the positive samples; equal scores share the mean of their ranks. */
function rocArea(scores: readonly number[], wanted: readonly boolean[]): number {
  const order = scores.map((_, index) => index).sort((a, b) => scores[a] - scores[b]);
  let ranks = 0;
  let positives = 0;
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && scores[order[end]] === scores[order[start]]) end++;
    for (let at = start; at < end; at++) {
      if (!wanted[order[at]]) continue;
      positives++;
      ranks += (start + end + 1) / 2;
    }
    start = end;
  }
  const negatives = scores.length - positives;
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

function appended(
  values: Float32Array<ArrayBuffer>,
  used: number,
  more: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  let target = values;
  if (used + more.length > values.length) {
    target = new Float32Array(Math.max(2 * values.length, used + more.length));
    target.set(values.subarray(0, used));
  }
  target.set(more, used);
  return target;
}

function floats(text: string): Float32Array<ArrayBuffer> {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}
