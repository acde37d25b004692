import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Callback, StateTensor } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import type { NamedParameter } from '../core/parameters.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { UsageError } from '../errors.ts';

const schema = z.strictObject({
  decay: z.number().min(0).lt(1).default(0.999).describe('Share of the old average that stays.'),
  warmUp: z
    .boolean()
    .default(true)
    .describe('Lower the decay to (1 + n) / (10 + n) for the n-th averaging, so early ones count.'),
  everyNUpdates: z.int().positive().default(1).describe('Optimizer updates between averagings.'),
  evaluateWith: z
    .enum(['ema', 'weights'])
    .default('ema')
    .describe('Validate, test and predict with the averages, or with the plain weights.'),
});

export type EMAOptions = z.input<typeof schema>;

/**
 * Keeps an exponential moving average of all trainable weights and validates with it; `validate`,
 * `test` and `predict` use the averages of their checkpoint. Training goes on with the plain
 * weights. Checkpoints hold the averages as `ema/<parameter>`; buffers (moving statistics) are not
 * averaged.
 */
export class EMA implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  readonly #averages = new Map<string, StateTensor & { readonly data: Float32Array }>();
  #plain: ReadonlyMap<string, Float32Array> | null = null;
  #count = 0;
  #update = 0;

  constructor(options: EMAOptions = {}) {
    this.#options = parseOptions(schema, options, 'EMA');
  }

  onTrainStart({ module, globalStep }: TrainerContext): void {
    if (this.#averages.size > 0) return;
    this.#update = globalStep;
    for (const { name, variable } of averaged(module)) {
      const data = Float32Array.from(variable.dataSync());
      this.#averages.set(name, { name: `ema/${name}`, shape: variable.shape, data });
    }
  }

  onTrainBatchEnd({ module, globalStep }: TrainerContext): void {
    if (globalStep === this.#update) return;
    this.#update = globalStep;
    if (globalStep % this.#options.everyNUpdates !== 0) return;
    this.#count++;
    const { decay, warmUp } = this.#options;
    const used = warmUp ? Math.min(decay, (1 + this.#count) / (10 + this.#count)) : decay;
    for (const { name, variable } of averaged(module)) {
      const average = this.#averages.get(name)?.data;
      if (average === undefined) continue;
      const value = variable.dataSync();
      for (let i = 0; i < average.length; i++) average[i] += (1 - used) * (value[i] - average[i]);
    }
  }

  onValidationStart({ module }: TrainerContext): void {
    this.#swapIn(module);
  }

  onTestStart({ module }: TrainerContext): void {
    this.#swapIn(module);
  }

  onPredictStart({ module }: TrainerContext): void {
    this.#swapIn(module);
  }

  onTestEnd({ module }: TrainerContext): void {
    this.#restore(module);
  }

  onPredictEnd({ module }: TrainerContext): void {
    this.#restore(module);
  }

  onValidationEnd({ module }: TrainerContext): void {
    this.#restore(module);
  }

  /** A validation that a pause gave up had no end; the file must hold the plain weights. */
  onSaveCheckpoint({ module }: TrainerContext): void {
    this.#restore(module);
  }

  onException({ module }: TrainerContext): void {
    this.#restore(module);
  }

  onTrainEnd({ module }: TrainerContext): void {
    this.#restore(module);
  }

  /** An evaluation that was given up had no end. */
  teardown({ module }: TrainerContext): void {
    this.#restore(module);
  }

  loadForEvaluation(
    tensors: ReadonlyMap<string, StateTensor>,
    { module, terminal }: Pick<TrainerContext, 'module' | 'terminal'>,
  ): void {
    if (this.#options.evaluateWith === 'weights') return;
    const has = [...tensors.keys()].some((name) => name.startsWith('ema/'));
    // Averages of an earlier fit are none of the weights that are evaluated now.
    if (has) this.loadStateTensors(tensors, module);
    else this.#averages.clear();
    terminal.line(
      has
        ? 'EMA: using the averaged weights (evaluate_with: weights takes the plain ones).'
        : 'EMA: the checkpoint has no averages, using its plain weights.',
    );
  }

  stateDict(): JsonObject {
    return { count: this.#count, update: this.#update };
  }

  loadStateDict(state: JsonObject): void {
    this.#count = Number(state.count);
    this.#update = Number(state.update);
  }

  stateTensors(): StateTensor[] {
    return [...this.#averages.values()];
  }

  loadStateTensors(tensors: ReadonlyMap<string, StateTensor>, module: AveragedModule): void {
    for (const { name, variable } of averaged(module)) {
      const saved = tensors.get(`ema/${name}`);
      if (!(saved?.data instanceof Float32Array) || saved.data.length !== variable.size) {
        throw new UsageError(
          'ERR_EMA_STATE',
          `EMA: the checkpoint has no average that fits "${name}" [${variable.shape.join(', ')}]. ` +
            'Resume with the module it was saved with, or start a new run from its weights.',
        );
      }
      const { shape } = variable;
      this.#averages.set(name, { name: `ema/${name}`, shape, data: saved.data.slice() });
    }
  }

  #swapIn(module: AveragedModule): void {
    const { evaluateWith } = this.#options;
    if (evaluateWith === 'weights' || this.#averages.size === 0 || this.#plain !== null) return;
    const parameters = averaged(module);
    this.#plain = new Map(
      parameters.map(({ name, variable }) => [name, Float32Array.from(variable.dataSync())]),
    );
    for (const parameter of parameters) assign(parameter, this.#averages.get(parameter.name)?.data);
  }

  #restore(module: AveragedModule): void {
    if (this.#plain === null) return;
    for (const parameter of averaged(module)) assign(parameter, this.#plain.get(parameter.name));
    this.#plain = null;
  }
}

interface AveragedModule {
  parameters(): NamedParameter[];
}

function averaged(module: AveragedModule): NamedParameter[] {
  return module
    .parameters()
    .filter(
      ({ trainable, frozen, variable }) =>
        (trainable || frozen === true) && variable.dtype === 'float32',
    );
}

function assign({ variable }: NamedParameter, data: Float32Array | undefined): void {
  if (data === undefined) return;
  const value = tf.tensor(data.slice(), variable.shape, 'float32');
  variable.assign(value);
  value.dispose();
}
