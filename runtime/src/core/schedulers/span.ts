import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { parseDuration } from '../duration.ts';
import type { Scheduler } from './scheduler.ts';

/** A part of a schedule: positions as a number, `500 updates`, `2 epochs`, or `5%` of the run. */
export const spanSchema = z.union([z.number().int().nonnegative(), z.string().min(1)]);

/**
 * Positions that a span takes in a run of `total`.
 * @throws UsageError ERR_SCHEDULER_SPAN when its unit is not what the schedule counts
 */
export function resolveSpan(
  span: number | string,
  interval: Scheduler['interval'],
  total: number,
  where: string,
): number {
  if (typeof span === 'number') return span;
  if (/^0+(\.0+)?\s*%$/.test(span.trim())) return 0;
  const { amount, unit } = parseDuration(span, where);
  if (unit === 'fraction') return Math.round(amount * total);
  if (unit === `${interval}s`) return amount;
  throw new UsageError(
    'ERR_SCHEDULER_SPAN',
    `${where}: expected ${interval}s or a percentage of the run, got "${span}". ` +
      `Write "10 ${interval}s" or "5%", or change the schedule's interval.`,
  );
}
