import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Callback, Rng, TrainerContext, TrainModule } from 'lightbox-runtime';
import * as tf from 'lightbox-runtime/tf';
import { z } from 'zod';
import { decode, encode, vocabularySize } from '../data/alphabet.ts';

const schema = z.strictObject({
  prompt: z.string().default('The ').describe('Where each sample begins'),
  length: z.int().min(1).default(200).describe('Characters that are added to it'),
  temperature: z.number().positive().default(0.8).describe('Below 1: rather likely characters'),
});

/** A module that predicts the next character, with the length of its windows. */
interface CharModel extends TrainModule {
  readonly context: number;
  forward(tokens: tf.Tensor2D): tf.Tensor3D;
}

/**
 * Lets the model write after each validation: a line on the terminal, and all of it in `samples.txt`
 * of the run's folder. The same run writes the same text.
 */
export class TextSampler implements Callback {
  static readonly schema = schema;
  private readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = schema.parse(options);
  }

  onValidationEnd(context: TrainerContext): void {
    const { globalStep, runDir, terminal, rng } = context;
    // Validation alone writes nothing: its run folder is that of another run.
    if (context.kind !== 'fit') return;
    const text = writeText(
      context.module as CharModel,
      rng.fold('text sample', globalStep),
      this.options,
    );
    appendFileSync(
      join(runDir, 'samples.txt'),
      `--- after ${String(globalStep)} updates\n${text}\n`,
    );
    terminal.line(`sample: ${text.replaceAll('\n', ' / ')}`);
  }
}

/** Text that the model writes character by character, drawn with `rng`. */
export function writeText(
  model: CharModel,
  rng: Rng,
  { prompt, length, temperature }: Required<z.input<typeof schema>>,
): string {
  const written = [...encode(prompt)];
  const wasTraining = model.training;
  model.setTraining(false);
  for (let count = 0; count < length; count++) {
    const logits = nextLogits(model, written);
    const weights = logits.map((logit) => Math.exp((logit - Math.max(...logits)) / temperature));
    written.push(draw(weights, rng.uniform()));
  }
  model.setTraining(wasTraining);
  return decode(written);
}

/** Always windows of the same length, line breaks in front, so that one graph serves them all. */
function nextLogits(model: CharModel, written: readonly number[]): number[] {
  const padding = encode('\n'.repeat(model.context));
  const window = [...padding, ...written].slice(-model.context);
  return tf.tidy(() => {
    const logits = model.forward(tf.tensor2d([window], undefined, 'int32'));
    const last = logits.slice([0, model.context - 1, 0], [1, 1, vocabularySize]);
    return Array.from(last.dataSync());
  });
}

function draw(weights: readonly number[], uniform: number): number {
  let left = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  return weights.findIndex((weight) => (left -= weight) < 0);
}
