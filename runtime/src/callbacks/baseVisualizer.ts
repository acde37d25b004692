import { z } from 'zod';
import type { HostBatch } from '../core/batch.ts';
import type { Callback, StateTensor } from '../core/callback.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { withOutputs } from './media/batchOutputs.ts';
import { hostSamples, packSamples, unpackSamples } from './media/hostSamples.ts';

/** Options that every visualizer has. */
export const visualizerOptions = {
  logEveryNValidations: z
    .int()
    .positive()
    .default(5)
    .describe('Draw after the first validation and then after every n-th.'),
  samples: z.int().positive().default(8).describe('Samples that are kept and drawn.'),
  id: z.string().optional().describe('Name of its state in checkpoints, when there are several.'),
};

export interface VisualizerOptions {
  readonly logEveryNValidations: number;
  readonly samples: number;
  readonly id?: string | undefined;
}

/** What a visualizer draws from; all on the host, the first samples of each batch. */
export interface VisualizedSamples {
  /** The first training batch since the validation before; null when there was none. */
  readonly train: HostBatch;
  /** The first validation batch of the first loader. */
  readonly validation: HostBatch;
  /** What the model made of it: what `validationStep` returned, or else its prediction. */
  readonly outputs: HostBatch;
}

/**
 * Keeps samples and calls `visualize` after every n-th validation; subclasses draw. Sanity checks
 * do not count. The counter and the samples are part of checkpoints, so a resumed run draws what
 * the run would have drawn.
 */
export abstract class BaseVisualizer implements Callback {
  readonly id: string;
  protected readonly samples: number;
  readonly #every: number;
  #validations = 0;
  #train: HostBatch = null;
  #trainState: Json = null;
  #validation: HostBatch = null;
  #outputs: HostBatch = null;

  constructor({ logEveryNValidations, samples, id }: VisualizerOptions) {
    this.#every = logEveryNValidations;
    this.samples = samples;
    this.id = id ?? this.constructor.name;
  }

  /** Draws; `context.saveMedia(key, extension, bytes)` keeps what was drawn. */
  protected abstract visualize(
    context: TrainerContext,
    samples: VisualizedSamples,
  ): void | Promise<void>;

  onTrainBatchEnd(_context: TrainerContext, _loss: number, batch: unknown): void {
    if (this.#isDue && this.#train === null) this.#train = hostSamples(batch, this.samples);
  }

  onValidationStart(): void {
    this.#validation = null;
  }

  onValidationBatchEnd(
    { module }: TrainerContext,
    outputs: unknown,
    batch: unknown,
    batchIdx: number,
    loader: string,
  ): void {
    if (!this.#isDue || this.#validation !== null) return;
    this.#validation = hostSamples(batch, this.samples);
    withOutputs(this.constructor.name, { module, outputs }, [batch, batchIdx, loader], (made) => {
      this.#outputs = hostSamples(made, this.samples);
    });
  }

  async onValidationEnd(context: TrainerContext): Promise<void> {
    const due = this.#isDue;
    const [train, validation, outputs] = [this.#train, this.#validation, this.#outputs];
    this.#validations++;
    this.#train = this.#validation = this.#outputs = null;
    if (due && validation !== null) await this.visualize(context, { train, validation, outputs });
  }

  stateDict(): JsonObject {
    const { json } = packSamples(this.#train, this.#prefix);
    return { validations: this.#validations, train: json };
  }

  loadStateDict(state: JsonObject): void {
    this.#validations = Number(state.validations);
    this.#trainState = state.train;
  }

  stateTensors(): readonly StateTensor[] {
    return packSamples(this.#train, this.#prefix).tensors;
  }

  loadStateTensors(tensors: ReadonlyMap<string, StateTensor>): void {
    this.#train = unpackSamples(this.#trainState, this.#prefix, tensors);
  }

  get #isDue(): boolean {
    return this.#validations % this.#every === 0;
  }

  get #prefix(): string {
    return `callback/${this.id}/train`;
  }
}
