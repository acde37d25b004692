import { z } from 'zod';

/** Options that several image transforms share. */
export const imageField = z
  .string()
  .nullable()
  .default('image')
  .describe('Key of the image in a sample; null when the sample is the image');

export const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);

export const probability = z.number().min(0).max(1);

/** One value a channel of a number or list; a list of another length is an error. */
export function channelValues(value: number | readonly number[], channels: number): Float32Array {
  if (typeof value === 'number') return new Float32Array(channels).fill(value);
  if (value.length !== channels) {
    throw new RangeError(`${value.length} channel values for an image of ${channels} channels`);
  }
  return Float32Array.from(value);
}
