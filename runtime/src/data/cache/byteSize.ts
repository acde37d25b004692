import { UsageError } from '../../errors.ts';

const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/**
 * Bytes of a size such as `20GB`, `500 MB` or `1000000` (bytes).
 * @param what names the setting in the error
 * @throws UsageError (ERR_DATA_CACHE_LIMIT)
 */
export function parseByteSize(text: string, what: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)?\s*$/i.exec(text);
  if (match === null) {
    throw new UsageError(
      'ERR_DATA_CACHE_LIMIT',
      `${what}: expected a size such as 20GB, 500MB or a number of bytes, got "${text}".`,
    );
  }
  return Math.floor(Number(match[1]) * units[(match[2] ?? 'B').toUpperCase()]);
}

/** `1.5 GB`: a size for people. */
export function byteSizeText(bytes: number): string {
  const [unit, size] = Object.entries(units).findLast(([, value]) => bytes >= value) ?? ['B', 1];
  const value = bytes / size;
  return `${unit === 'B' || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}
