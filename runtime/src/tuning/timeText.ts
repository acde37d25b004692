import { UsageError } from '../errors.ts';

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  min: 60,
  h: 3600,
  hour: 3600,
  day: 86_400,
};

/**
 * Seconds of `90`, `"90 s"`, `"30 min"` or `"2 hours"`.
 * @param where for the message: the flag
 * @throws UsageError ERR_HPO_FLAG for anything else
 */
export function secondsOfText(text: string, where: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? '' : match[2].toLowerCase().replace(/(.{2,})s$/, '$1');
  const factor = unit === '' ? 1 : (UNITS[unit] as number | undefined);
  if (match !== null && factor !== undefined && Number(match[1]) > 0) {
    return Number(match[1]) * factor;
  }
  const message = `${where} expects a time such as 90, "30 min" or "2 hours", got "${text}"`;
  throw new UsageError('ERR_HPO_FLAG', message);
}

/** `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}
