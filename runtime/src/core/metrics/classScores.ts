import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { parseOptions } from '../parseOptions.ts';
import { classAt, classCount, decision, labelOptions, labelParts } from './labels.ts';
import { Metric, NumberSums, type HostPart, type MetricResult, type MetricSums } from './metric.ts';

const schema = z.strictObject({
  ...labelOptions,
  average: z
    .enum(['micro', 'macro', 'weighted', 'none'])
    .default('micro')
    .describe(
      'micro: over all samples. macro: mean over classes. weighted: by how often each occurs. ' +
        'none: one value for each class.',
    ),
});
const accuracySchema = schema.extend({
  topK: z
    .int()
    .positive()
    .default(1)
    .describe('Counts as right when the class is among the k likeliest (multiclass).'),
});

type Options = z.output<typeof schema> & { readonly topK?: number };

/** Counts of one class. */
interface Counts {
  readonly tp: number;
  readonly fp: number;
  readonly tn: number;
  readonly fn: number;
}

/** A score that follows from true and false positives and negatives of each class. */
abstract class ClassScore extends Metric {
  readonly options: Options;
  readonly #classes: number;

  constructor(options: Options) {
    super();
    this.options = options;
    this.#classes = classCount(this.constructor.name, options);
  }

  /**
   * Adds a batch.
   * @param preds multiclass: scores `[..., classes]`, or classes; else probabilities (or logits)
   * @param target classes, or one-hot rows; else 0 and 1
   * @throws UsageError ERR_METRIC_SHAPE
   */
  update(preds: tf.Tensor, target: tf.Tensor): this {
    const scores = (this.options.topK ?? 1) > 1;
    return this.note(labelParts(this.constructor.name, this.options, preds, target, scores));
  }

  newSums(): MetricSums {
    const owner = this.constructor.name;
    return new NumberSums(
      owner,
      4 * this.#classes,
      (sums, parts) => {
        this.#count(sums, parts);
      },
      (sums) => this.#compute(sums),
    );
  }

  protected abstract score(counts: Counts): number;

  #count(sums: Float64Array, parts: readonly HostPart[]): void {
    if (this.options.task === 'multiclass') this.#countClasses(sums, parts);
    else this.#countDecisions(sums, parts);
  }

  #countDecisions(sums: Float64Array, [preds, target]: readonly HostPart[]): void {
    const yes = decision(this.constructor.name, this.options);
    for (let index = 0; index < target.data.length; index++) {
      if (target.data[index] === this.options.ignoreIndex) continue;
      const label = index % this.#classes;
      const predicted = yes(preds.data[index]);
      const wanted = target.data[index] > 0.5;
      sums[4 * label + (predicted ? (wanted ? 0 : 1) : wanted ? 3 : 2)]++;
    }
  }

  #countClasses(sums: Float64Array, [preds, target]: readonly HostPart[]): void {
    const owner = this.constructor.name;
    const classes = this.#classes;
    const { ignoreIndex, topK = 1 } = this.options;
    for (let index = 0; index < target.data.length; index++) {
      if (target.data[index] === ignoreIndex) continue;
      const wanted = classAt(owner, target, index, classes);
      const predicted =
        topK > 1
          ? likeliest(preds.data, index * classes, classes, wanted, topK)
          : classAt(owner, preds, index, classes);
      for (let label = 0; label < classes; label++) sums[4 * label + 2]++;
      if (predicted === wanted) {
        sums[4 * wanted]++;
        sums[4 * wanted + 2]--;
      } else {
        sums[4 * predicted + 1]++;
        sums[4 * predicted + 2]--;
        sums[4 * wanted + 3]++;
        sums[4 * wanted + 2]--;
      }
    }
  }

  #compute(sums: Float64Array): MetricResult {
    const each = Array.from({ length: this.#classes }, (_, label) => countsAt(sums, label));
    const { average, task } = this.options;
    if (task === 'binary') return this.score(each[0]);
    if (average === 'micro') return this.score(each.reduce(plus));
    const scores = each.map((counts) => this.score(counts));
    if (average === 'none') return Object.fromEntries(scores.map((score, at) => [at, score]));
    const weights = each.map(({ tp, fp, fn }) => {
      if (average === 'weighted') return tp + fn;
      // A class that neither occurs nor is predicted says nothing.
      return task === 'multiclass' && tp + fp + fn === 0 ? 0 : 1;
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return ratio(
      scores.reduce((sum, score, at) => sum + score * weights[at], 0),
      total,
    );
  }
}

/** Share of answers that are right. Multiclass by class: share of its samples that are found. */
export class Accuracy extends ClassScore {
  static readonly schema = accuracySchema;

  constructor(options: z.input<typeof accuracySchema>) {
    super(parseOptions(accuracySchema, options, 'Accuracy'));
  }

  protected override score({ tp, fp, tn, fn }: Counts): number {
    if (this.options.task === 'multiclass') return ratio(tp, tp + fn);
    return ratio(tp + tn, tp + tn + fp + fn);
  }
}

/** Share of what is predicted that is right: tp / (tp + fp); 0 when nothing is predicted. */
export class Precision extends ClassScore {
  static readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    super(parseOptions(schema, options, 'Precision'));
  }

  protected override score({ tp, fp }: Counts): number {
    return ratio(tp, tp + fp);
  }
}

/** Share of what there is that is found: tp / (tp + fn); 0 when there is nothing. */
export class Recall extends ClassScore {
  static readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    super(parseOptions(schema, options, 'Recall'));
  }

  protected override score({ tp, fn }: Counts): number {
    return ratio(tp, tp + fn);
  }
}

/** Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn). */
export class F1Score extends ClassScore {
  static readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    super(parseOptions(schema, options, 'F1Score'));
  }

  protected override score({ tp, fp, fn }: Counts): number {
    return ratio(2 * tp, 2 * tp + fp + fn);
  }
}

/** The class wanted when it is among the `k` best (of equal ones the first), else the best one. */
function likeliest(
  scores: ArrayLike<number>,
  start: number,
  classes: number,
  wanted: number,
  k: number,
): number {
  let better = 0;
  let best = 0;
  for (let label = 0; label < classes; label++) {
    const score = scores[start + label];
    const target = scores[start + wanted];
    if (score > target || (score === target && label < wanted)) better++;
    if (scores[start + label] > scores[start + best]) best = label;
  }
  return better < k ? wanted : best;
}

function countsAt(sums: Float64Array, label: number): Counts {
  const [tp, fp, tn, fn] = sums.subarray(4 * label, 4 * label + 4);
  return { tp, fp, tn, fn };
}

function plus(a: Counts, b: Counts): Counts {
  return { tp: a.tp + b.tp, fp: a.fp + b.fp, tn: a.tn + b.tn, fn: a.fn + b.fn };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
