import { parseDuration } from '../core/duration.ts';
import { UsageError } from '../errors.ts';

/**
 * Seconds of a time limit, `"30 min"` or Lightning's `"DD:HH:MM:SS"`.
 * @throws UsageError ERR_MAX_TIME for anything that is no time
 */
export function parseMaxTime(text: string): number {
  const clock = /^(\d+):(\d{1,2}):(\d{1,2}):(\d{1,2})$/.exec(text.trim());
  if (clock !== null) {
    const [days, hours, minutes, seconds] = clock.slice(1).map(Number);
    const total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
    if (total > 0) return total;
  } else {
    const duration = parseDuration(text, 'max_time');
    if (duration.unit === 'seconds') return duration.amount;
  }
  throw new UsageError(
    'ERR_MAX_TIME',
    `max_time: expected a time such as "30 min", "2 hours" or "00:12:00:00", got "${text}".`,
  );
}
