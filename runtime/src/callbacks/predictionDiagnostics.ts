import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { withOutputs } from './media/batchOutputs.ts';
import { hostSamples, hostTensors } from './media/hostSamples.ts';
import { PredictionSums } from './predictionSums.ts';

const schema = z.strictObject({
  batches: z
    .int()
    .positive()
    .default(4)
    .describe('Batches of each evaluation, counted over its loaders, that are looked at.'),
  collapseThreshold: z
    .number()
    .nonnegative()
    .default(1e-6)
    .describe(
      'Alarm when what varies from sample to sample is less than this share of the mean square of ' +
        'the outputs: the model says the same to everything. 0: no alarm.',
    ),
  onCollapse: z
    .enum(['warn', 'stop'])
    .default('warn')
    .describe('warn: print a line. stop: and end training after a collapsed validation.'),
});

export type PredictionDiagnosticsOptions = z.input<typeof schema>;

/**
 * Logs what predictions look like: `val/<name>_pred_mean`, `_pred_std`, and `_pred_batch_var`, the
 * variance over samples of the mean of each sample's outputs. It looks at what `validationStep`
 * (`testStep`) returns, a tensor or several by name, or else at the prediction for the batch. A
 * model that gives the same output for every input raises an alarm, once until it recovers.
 */
export class PredictionDiagnostics implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  readonly #sums = new Map<string, PredictionSums>();
  readonly #collapsed = new Set<string>();
  #batches = 0;

  constructor(options: PredictionDiagnosticsOptions = {}) {
    this.#options = parseOptions(schema, options, 'PredictionDiagnostics');
  }

  onValidationStart(): void {
    this.#start();
  }

  onTestStart(): void {
    this.#start();
  }

  onValidationBatchEnd(context: TrainerContext, ...place: BatchEnd): void {
    this.#add(context, ...place);
  }

  onTestBatchEnd(context: TrainerContext, ...place: BatchEnd): void {
    this.#add(context, ...place);
  }

  /** In this hook, so that the values stand in the row of the evaluation. */
  onValidationEpochEnd(context: TrainerContext): void {
    this.#finish(context, 'val');
  }

  onTestEpochEnd(context: TrainerContext): void {
    this.#finish(context, 'test');
  }

  stateDict(): { collapsed: string[] } {
    return { collapsed: [...this.#collapsed] };
  }

  loadStateDict({ collapsed }: { collapsed?: unknown }): void {
    for (const name of collapsed as string[]) this.#collapsed.add(name);
  }

  #start(): void {
    this.#sums.clear();
    this.#batches = 0;
  }

  #add({ module }: TrainerContext, ...[outputs, batch, batchIdx, loader]: BatchEnd): void {
    if (this.#batches === this.#options.batches) return;
    this.#batches++;
    const place = [batch, batchIdx, loader] as const;
    withOutputs('PredictionDiagnostics', { module, outputs }, place, (made) => {
      const host = hostSamples(made, Number.POSITIVE_INFINITY);
      for (const [path, { data, shape, dtype }] of hostTensors(host)) {
        if (dtype !== 'float32' || shape.length === 0) continue;
        const sums = this.#sums.get(path) ?? new PredictionSums();
        this.#sums.set(path, sums);
        sums.add(data as Float32Array, shape[0]);
      }
    });
  }

  #finish(context: TrainerContext, prefix: string): void {
    const values: Record<string, number> = {};
    for (const [path, sums] of this.#sums) {
      const key = `${prefix}/${path === '' ? '' : `${path}_`}pred`;
      const { mean, std, batchVariance, variation } = sums.compute();
      values[`${key}_mean`] = mean;
      values[`${key}_std`] = std;
      values[`${key}_batch_var`] = batchVariance;
      this.#watch(context, key, variation);
    }
    context.logValues(values);
  }

  #watch(context: TrainerContext, key: string, variation: number): void {
    const { collapseThreshold, onCollapse } = this.#options;
    if (!(variation < collapseThreshold)) {
      this.#collapsed.delete(key);
      return;
    }
    const reason = `${key}: the outputs are the same for every input (they vary by ${variation.toExponential(1)} of their mean square)`;
    if (!this.#collapsed.has(key)) {
      this.#collapsed.add(key);
      context.terminal.line(`Warning at update ${String(context.globalStep)}: ${reason}.`);
    }
    if (onCollapse === 'stop' && context.kind === 'fit') context.requestStop(reason);
  }
}

type BatchEnd = [outputs: unknown, batch: unknown, batchIdx: number, loader: string];
