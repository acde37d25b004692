import { z } from 'zod';
import { UsageError } from '../../errors.ts';

/** What becomes of a sample that its dataset or transform fails to give. */
export const faultPolicySchema = z.enum(['raise', 'substitute', 'mask']);

export type FaultPolicy = z.output<typeof faultPolicySchema>;

const limit = (standard: number, what: string) =>
  z
    .int()
    .min(0)
    .nullable()
    .default(standard)
    .describe(`Unreadable samples ${what} that are put up with; null = any number`);

export const faultLimitsSchema = z.strictObject({
  perEpoch: limit(100, 'in one epoch'),
  consecutive: limit(10, 'one after the other'),
  total: limit(1000, 'in the whole run'),
});

/** How many unreadable samples a run puts up with; null = any number. */
export type FaultLimits = z.output<typeof faultLimitsSchema>;

/** A sample of a batch that could not be read. */
export interface SlotFault {
  /** Row of the batch. */
  readonly slot: number;
  /** What was thrown; null when an earlier visit is repeated, which was not tried again. */
  readonly error: string | null;
  /** Id of the sample that took its place; null when it was masked. */
  readonly replacement: number | null;
}

/** Rows that were replaced at an earlier visit, with what took their place. */
export type Replacements = ReadonlyMap<number, number | null>;

/** Field of batches under the policy `mask`: float32 [batch], 1 = read, 0 = zeros in its place. */
export const validField = 'valid';

/** @throws UsageError (ERR_DATA_OPTIONS) for an unknown policy and for limits that are no counts */
export function checkFaults(policy: unknown, limits: unknown): [FaultPolicy, FaultLimits] {
  const known = faultPolicySchema.safeParse(policy);
  if (!known.success) {
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `faults: expected raise, substitute or mask, got ${JSON.stringify(policy)}.`,
    );
  }
  const parsed = faultLimitsSchema.safeParse(limits ?? {});
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      `${path.join('.')} ${message}`.trim(),
    );
    throw new UsageError(
      'ERR_DATA_OPTIONS',
      `fault_limits: expected per_epoch, consecutive and total, each a whole number from 0 or null: ${problems.join('; ')}.`,
    );
  }
  return [known.data, parsed.data];
}
