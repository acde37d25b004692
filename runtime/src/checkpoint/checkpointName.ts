import { UsageError, didYouMean } from '../errors.ts';
import { sanitizeFileName } from '../core/fileNames.ts';

/**
 * A file name, without ending, from a template such as `{epoch}-{step}-{val/loss:.4f}`. Every
 * piece is `{name}` or `{name:format}`, the format as in Python: width with or without leading
 * zeros, digits after the point, and `d`, `f`, `e`, `g` or `%`. As in Lightning each value is
 * preceded by its name, `epoch=3-step=120-val_loss=0.1234`. Whatever a file name cannot hold,
 * the `/` of metric names first of all, becomes `_`.
 * @param options.autoInsertMetricName false leaves out the names
 * @throws UsageError ERR_CHECKPOINT_NAME for an unknown name or format
 */
export function formatCheckpointName(
  template: string,
  values: Readonly<Record<string, number>>,
  { autoInsertMetricName = true }: { autoInsertMetricName?: boolean } = {},
): string {
  const name = template.replaceAll(piece, (_whole, key: string, format?: string) => {
    if (!Object.hasOwn(values, key)) throw unknownName(template, key, values);
    const text = formatNumber(template, values[key], format ?? '');
    return autoInsertMetricName ? `${key}=${text}` : text;
  });
  return sanitizeFileName(name);
}

/** The values that a template asks for, in its order. */
export function namesIn(template: string): string[] {
  return [...template.matchAll(piece)].map(([, name]) => name);
}

const piece = /\{([^{}:]+)(?::([^{}]*))?\}/g;
const formatSyntax = /^(?<zero>0?)(?<width>\d{0,2})(?:\.(?<digits>\d{1,2}))?(?<type>[dfeg%]?)$/;

function formatNumber(template: string, value: number, format: string): string {
  const parts = formatSyntax.exec(format)?.groups;
  if (parts === undefined) {
    throw new UsageError(
      'ERR_CHECKPOINT_NAME',
      `In the checkpoint name "${template}", "${format}" is not a format; ` +
        'expected one such as ".4f", "03d", ".2e", ".3g" or ".1%".',
    );
  }
  const digits = parts.digits === undefined ? undefined : Number(parts.digits);
  const text = digitsOf(value, parts.type, digits);
  return text.padStart(Number(parts.width), parts.zero === '' ? ' ' : '0');
}

function digitsOf(value: number, type: string, digits: number | undefined): string {
  if (!Number.isFinite(value)) return String(value);
  switch (type) {
    case 'd':
      return value.toFixed(0);
    case 'f':
      return value.toFixed(digits ?? 6);
    case 'e':
      return value.toExponential(digits ?? 6);
    case '%':
      return `${(value * 100).toFixed(digits ?? 6)}%`;
    default:
      return digits === undefined ? String(value) : String(Number(value.toPrecision(digits || 1)));
  }
}

function unknownName(
  template: string,
  key: string,
  values: Readonly<Record<string, number>>,
): UsageError {
  const known = Object.keys(values);
  return new UsageError(
    'ERR_CHECKPOINT_NAME',
    `The checkpoint name "${template}" uses "${key}", which is not known when it is saved.` +
      `${didYouMean(key, known)} Known: ${known.join(', ')}.`,
  );
}
