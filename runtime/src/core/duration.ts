import { UsageError } from '../errors.ts';

export type DurationUnit =
  'updates' | 'batches' | 'samples' | 'epochs' | 'validations' | 'seconds' | 'fraction';

/** An amount that carries its unit: `100 updates`, `10 min`, `25%` of an epoch. */
export interface Duration {
  readonly amount: number;
  readonly unit: DurationUnit;
}

const units: Record<string, [DurationUnit, number]> = {
  update: ['updates', 1],
  updates: ['updates', 1],
  batch: ['batches', 1],
  batches: ['batches', 1],
  sample: ['samples', 1],
  samples: ['samples', 1],
  epoch: ['epochs', 1],
  epochs: ['epochs', 1],
  validation: ['validations', 1],
  validations: ['validations', 1],
  s: ['seconds', 1],
  sec: ['seconds', 1],
  second: ['seconds', 1],
  seconds: ['seconds', 1],
  min: ['seconds', 60],
  minute: ['seconds', 60],
  minutes: ['seconds', 60],
  h: ['seconds', 3600],
  hour: ['seconds', 3600],
  hours: ['seconds', 3600],
  day: ['seconds', 86400],
  days: ['seconds', 86400],
};

/**
 * Reads a duration.
 * @param where the key it came from, for the error
 * @throws UsageError ERR_DURATION for bare numbers, unknown units, and amounts that are not positive
 */
export function parseDuration(text: string | number | Duration, where: string): Duration {
  if (typeof text === 'object') return text;
  const match = /^\s*(\d+(?:\.\d+)?)\s*(%|[a-z]+)\s*$/i.exec(String(text));
  if (match === null) throw invalid(text, where);
  const amount = Number(match[1]);
  if (!(amount > 0)) throw invalid(text, where);
  if (match[2] === '%') {
    if (amount > 100) throw invalid(text, where);
    return { amount: amount / 100, unit: 'fraction' };
  }
  const unit = units[match[2].toLowerCase()];
  if (unit === undefined) throw invalid(text, where);
  const [name, factor] = unit;
  if (name !== 'seconds' && name !== 'epochs' && !Number.isInteger(amount))
    throw invalid(text, where);
  return { amount: amount * factor, unit: name };
}

/** `100 updates`, as `parseDuration` reads it. */
export function formatDuration({ amount, unit }: Duration): string {
  if (unit === 'fraction') return `${String(Number((amount * 100).toFixed(6)))}%`;
  if (unit === 'seconds') return `${String(amount)} s`;
  const singular = unit === 'batches' ? 'batch' : unit.slice(0, -1);
  return `${String(amount)} ${amount === 1 ? singular : unit}`;
}

function invalid(text: unknown, where: string): UsageError {
  const bare = typeof text === 'number' || /^\s*\d+(\.\d+)?\s*$/.test(String(text));
  const share = Number(text) > 0 && Number(text) < 1;
  const units = share
    ? `"${String(Number((Number(text) * 100).toFixed(6)))}%" for a share of the epoch`
    : `"${String(text)} updates" or "${String(text)} batches"`;
  const hint = bare ? ` A bare number is ambiguous: write ${units}.` : '';
  return new UsageError(
    'ERR_DURATION',
    `${where}: expected an amount with a unit, such as "100 updates", "800 batches", "2 epochs", ` +
      `"10 min" or "25%" (of an epoch), got ${JSON.stringify(text)}.${hint}`,
  );
}
