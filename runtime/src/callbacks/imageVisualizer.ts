import { z } from 'zod';
import { isHostTensor, type HostBatch, type HostTensor } from '../core/batch.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { didYouMean, UsageError } from '../errors.ts';
import { BaseVisualizer, visualizerOptions, type VisualizedSamples } from './baseVisualizer.ts';
import { encodePng } from './media/encodePng.ts';
import { hostTensors } from './media/hostSamples.ts';
import { imageGrid, interleave } from './media/imageGrid.ts';

const schema = z.strictObject({
  ...visualizerOptions,
  field: z
    .string()
    .nullable()
    .default(null)
    .describe('Images of a batch, such as "x" or "views.0". Default: the first tensor that fits.'),
  outputField: z
    .string()
    .nullable()
    .default(null)
    .describe('Images among the outputs. Default: the first of the shape of the inputs.'),
  nrow: z.int().positive().default(4).describe('Images (or pairs) in a row.'),
  padding: z.int().nonnegative().default(2).describe('Black pixels around each image.'),
  range: z
    .tuple([z.number(), z.number()])
    .refine(([low, high]) => low < high, 'expected the smaller value first')
    .default([0, 1])
    .describe('Values that become black and white.'),
});

export type ImageVisualizerOptions = z.input<typeof schema>;

/**
 * Draws image grids into `media/` of the run's folder, one PNG a validation, and tells the
 * loggers: `media/train_inputs/<field>`, `media/val_inputs/<field>`, and where the model gives
 * images of the same shape `media/val_reconstruction/<field>`, input beside output. Images are
 * `[n, height, width, channels]` with 1, 3 or 4 channels.
 */
export class ImageVisualizer extends BaseVisualizer {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;

  constructor(options: ImageVisualizerOptions = {}) {
    const parsed = parseOptions(schema, options, 'ImageVisualizer');
    super(parsed);
    this.#options = parsed;
  }

  protected override async visualize(
    context: TrainerContext,
    { train, validation, outputs }: VisualizedSamples,
  ): Promise<void> {
    const [field, images] = this.#inputs(validation);
    const name = field === '' ? 'images' : field;
    if (train !== null) {
      await this.#draw(context, `media/train_inputs/${name}`, this.#inputs(train)[1]);
    }
    await this.#draw(context, `media/val_inputs/${name}`, images);
    const made = this.#reconstructions(outputs, images);
    if (made === null) return;
    await this.#draw(context, `media/val_reconstruction/${name}`, interleave(images, made), 2);
  }

  async #draw(context: TrainerContext, key: string, images: HostTensor, group = 1): Promise<void> {
    const { nrow, padding, range } = this.#options;
    const picture = imageGrid(images, { nrow: nrow * group, padding, range });
    await context.saveMedia(key, 'png', encodePng(picture));
  }

  #inputs(batch: HostBatch): [field: string, images: HostTensor] {
    const all = hostTensors(batch);
    const { field } = this.#options;
    const found = all.find(([path, tensor]) =>
      field === null ? isImages(tensor) : path === field,
    );
    if (found !== undefined) return found;
    const shapes = all.map(([path, { shape }]) => `${path} [${shape.join(', ')}]`).join('; ');
    throw new UsageError(
      'ERR_IMAGE_FIELD',
      `ImageVisualizer${field === null ? '' : ` (field: "${field}")`}: expected images [n, height, ` +
        `width, channels] in the batch, got ${shapes}.` +
        didYouMean(
          field ?? '',
          all.map(([path]) => path),
        ),
    );
  }

  #reconstructions(outputs: HostBatch, inputs: HostTensor): HostTensor | null {
    const { outputField } = this.#options;
    const all = isHostTensor(outputs) ? [['', outputs] as const] : hostTensors(outputs);
    const alike = all.filter(([, { shape }]) => shape.join() === inputs.shape.join());
    if (outputField === null) return alike.at(0)?.[1] ?? null;
    const found = alike.find(([path]) => path === outputField);
    if (found !== undefined) return found[1];
    const shapes = all.map(([path, { shape }]) => `${path} [${shape.join(', ')}]`).join('; ');
    throw new UsageError(
      'ERR_IMAGE_FIELD',
      `ImageVisualizer (output_field: "${outputField}"): expected outputs of shape ` +
        `[${inputs.shape.join(', ')}] under that name, got ${shapes}.`,
    );
  }
}

function isImages({ shape }: HostTensor): boolean {
  return shape.length === 4 && [1, 3, 4].includes(shape[3]);
}
