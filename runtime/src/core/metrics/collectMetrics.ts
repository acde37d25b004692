import { isPlainObject } from '../json.ts';
import { Metric } from './metric.ts';

/**
 * The metrics held by an object's fields, by name: `accuracy`, `perClass.0`, `encoder.accuracy`
 * for one of a nested module. Names are the same in every process, so checkpoints can use them.
 */
export function collectMetrics(owner: object): Map<string, Metric> {
  const found = new Map<string, Metric>();
  const seen = new Set<object>();
  const visit = (name: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    if (value instanceof Metric) {
      seen.add(value);
      found.set(name, value);
      return;
    }
    const nested = Array.isArray(value) || isPlainObject(value) || 'trainingStep' in value;
    if (!nested) return;
    seen.add(value);
    for (const [key, inner] of Object.entries(value)) visit(`${name}.${key}`, inner);
  };
  for (const [field, value] of Object.entries(owner)) visit(field, value);
  return found;
}
