import { isPlainObject } from '../../core/json.ts';

/** A sample of the same layout in which every number is 0 and every text empty. */
export function zerosLike(value: unknown): unknown {
  if (typeof value === 'number') return 0;
  if (typeof value === 'boolean') return false;
  if (typeof value === 'string') return '';
  if (ArrayBuffer.isView(value) && 'length' in value) {
    const make = value.constructor as new (length: number) => unknown;
    return new make(Number(value.length));
  }
  if (Array.isArray(value)) return value.map(zerosLike);
  if (!isPlainObject(value)) return value;
  const isTensor = ArrayBuffer.isView(value.data) && Array.isArray(value.shape);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isTensor && key !== 'data' ? item : zerosLike(item),
    ]),
  );
}
