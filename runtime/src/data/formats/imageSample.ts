import { z } from 'zod';
import type { HostTensor } from '../../core/batch.ts';
import { allocateFloats } from '../floatSlab.ts';
import type { Pixels } from './pixels.ts';

const side = z.int().min(1);

/** Options of datasets that decode images. */
export const imageSampleOptions = {
  color: z.enum(['rgb', 'grey']).default('rgb').describe('3 channels, or 1'),
  resize: z
    .union([side, z.tuple([side, side])])
    .nullable()
    .default(null)
    .describe('Size of the images: one side, or [height, width]; null: as stored'),
  anySize: z
    .boolean()
    .default(false)
    .describe('Allow images of several sizes, which a transform must then make equal'),
  decoder: z
    .enum(['auto', 'napi', 'sharp', 'jsquash'])
    .default('auto')
    .describe(
      'What decodes: auto takes the fastest installed of @napi-rs/image (jpeg), sharp and @jsquash',
    ),
  scale: z
    .boolean()
    .default(true)
    .describe('Pixels as float32 (byte / 255 - mean) / std; false: whole numbers 0 to 255'),
  mean: z.number().default(0).describe('Subtracted from pixels, which are scaled to 0..1 before'),
  std: z.number().positive().default(1).describe('What pixels are divided by after that'),
};

/** Decoded pixels as a field of a sample; without `scale` still bytes, which batches hold as int32. */
export function imageTensor(
  { data, height, width, channels }: Pixels,
  { scale, mean, std }: { scale: boolean; mean: number; std: number },
): HostTensor {
  const shape = [height, width, channels];
  if (!scale) return { data, shape, dtype: 'int32' };
  const values = valuesOf(mean, std);
  const floats = allocateFloats(data.length);
  for (let index = 0; index < data.length; index++) floats[index] = values[data[index]];
  return { data: floats, shape, dtype: 'float32' };
}

let last: { mean: number; std: number; values: Float32Array } | undefined;

/** What each byte stands for. */
function valuesOf(mean: number, std: number): Float32Array {
  if (last?.mean !== mean || last.std !== std) {
    const values = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
    last = { mean, std, values };
  }
  return last.values;
}
