import { z } from 'zod';

/** What a schedule's positions count. */
export const intervalSchema = z
  .enum(['update', 'epoch'])
  .default('update')
  .describe('What positions count: optimizer updates, or epochs');

/** Decay schedules in torch's habit are stepped once an epoch. */
export const epochIntervalSchema = z
  .enum(['update', 'epoch'])
  .default('epoch')
  .describe('What positions count: epochs, or optimizer updates');

/** How far a run is, 0 at its first position and 1 from `total` on. */
export function progress(position: number, total: number): number {
  return Math.min(1, Math.max(0, position / Math.max(1, total)));
}
