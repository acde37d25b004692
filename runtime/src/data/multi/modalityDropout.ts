import type { HostBatch, HostTensor } from '../../core/batch.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';

/** Probability of dropping a modality (a field of the batch), by name; 0 = always present. */
export type ModalityDropout = Readonly<Record<string, number>>;

/** Name of the mask that goes with a modality. */
export function maskName(modality: string): string {
  return `${modality}_mask`;
}

/**
 * Checks the probabilities alone, before any data is seen.
 * @throws UsageError when they are no probabilities, or when the only modality could be dropped
 */
export function checkModalityDropout(dropout: ModalityDropout): void {
  const entries = Object.entries(dropout);
  for (const [name, p] of entries) {
    if (!(p >= 0 && p <= 1)) {
      throw new UsageError(
        'ERR_DATA_MODALITY',
        `modality_dropout.${name} must be a probability from 0 to 1, got ${p}.`,
      );
    }
  }
  if (entries.length === 1 && entries[0][1] > 0) {
    throw new UsageError(
      'ERR_DATA_MODALITY',
      `modality_dropout names only "${entries[0][0]}", so dropping it would leave nothing. List the other modalities as well, with 0 for those that must stay.`,
    );
  }
}

/**
 * Adds a mask `<name>_mask` (float32 [batch], 1 = present) for every listed modality and, when
 * `rngOf` is given, drops modalities of single samples: their values become 0 and their mask 0. At
 * least one listed modality of each sample is kept. Without `rngOf` (evaluation) nothing is dropped.
 * Changes the arrays of `batch`, which must be its own.
 */
export function applyModalityDropout(
  batch: Readonly<Record<string, HostBatch>>,
  size: number,
  dropout: ModalityDropout,
  rngOf: ((slot: number) => Rng) | undefined,
): Record<string, HostBatch> {
  const names = Object.keys(dropout);
  const tensors = names.map((name) => modalityTensor(batch, name));
  const masks = names.map(() => new Float32Array(size).fill(1));
  if (rngOf !== undefined && names.some((name) => dropout[name] > 0)) {
    for (let slot = 0; slot < size; slot++) {
      for (const index of droppedModalities(names, dropout, rngOf(slot))) {
        const { data } = tensors[index];
        const row = data.length / size;
        data.fill(0, slot * row, (slot + 1) * row);
        masks[index][slot] = 0;
      }
    }
  }
  const result: Record<string, HostBatch> = { ...batch };
  names.forEach((name, index) => {
    const mask: HostTensor = { data: masks[index], shape: [size], dtype: 'float32' };
    result[maskName(name)] = mask;
  });
  return result;
}

/** Each modality draws from a key of its own: adding one leaves the others as they were. */
function droppedModalities(names: readonly string[], dropout: ModalityDropout, rng: Rng): number[] {
  const dropped = names.flatMap((name, index) =>
    dropout[name] > 0 && rng.fold(name).uniform() < dropout[name] ? [index] : [],
  );
  if (dropped.length === names.length) dropped.splice(rng.fold('', 'kept').int(names.length), 1);
  return dropped;
}

function modalityTensor(batch: Readonly<Record<string, HostBatch>>, name: string): HostTensor {
  const value = batch[name];
  if (maskName(name) in batch) {
    throw new UsageError(
      'ERR_DATA_MODALITY',
      `The samples have a field "${maskName(name)}" already, which is the name of the mask for "${name}".`,
    );
  }
  if (typeof value === 'object' && value !== null && 'data' in value && 'shape' in value) {
    return value as HostTensor;
  }
  const fields = Object.keys(batch);
  throw new UsageError(
    'ERR_DATA_MODALITY',
    value === undefined
      ? `modality_dropout names "${name}", but samples have the fields ${fields.join(', ')}.${didYouMean(name, fields)}`
      : `modality_dropout names "${name}", but that field holds no numbers.`,
  );
}
