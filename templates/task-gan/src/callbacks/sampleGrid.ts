import {
  encodePng,
  imageGrid,
  type Callback,
  type HostTensor,
  type TrainerContext,
  type TrainModule,
} from 'lightbox-runtime';
import * as tf from 'lightbox-runtime/tf';
import { z } from 'zod';

const schema = z.strictObject({
  samples: z.int().min(1).default(64).describe('Images in a picture'),
  nrow: z.int().min(1).default(8).describe('Images in a row'),
});

/** A module that makes images, pixels -1 to 1, from noise. */
interface Generator extends TrainModule {
  forward(noise: tf.Tensor2D): tf.Tensor4D;
  fixedNoise(count: number, key: number): tf.Tensor2D;
}

/**
 * Draws made images after each validation, always from the same noise: `media/samples/` of the
 * run's folder shows how each of them came to be.
 */
export class SampleGrid implements Callback {
  static readonly schema = schema;
  private readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = schema.parse(options);
  }

  async onValidationEnd(context: TrainerContext): Promise<void> {
    // Validation alone draws nothing: its run folder is that of another run.
    if (context.kind !== 'fit') return;
    const { samples, nrow } = this.options;
    const images = drawn(context.module as Generator, samples);
    const picture = imageGrid(images, { nrow, padding: 2, range: [-1, 1] });
    await context.saveMedia('media/samples', 'png', encodePng(picture));
  }
}

/** Images that the module makes of its first fixed noise. */
export function drawn(module: Generator, count: number): HostTensor {
  const wasTraining = module.training;
  module.setTraining(false);
  const image = tf.tidy(() => module.forward(module.fixedNoise(count, 0)));
  module.setTraining(wasTraining);
  const { shape } = image;
  const data = image.dataSync<'float32'>();
  image.dispose();
  return { data, shape, dtype: 'float32' };
}
