/** Plain data that survives a JSON round trip. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** An object of plain data. */
export type JsonObject = { [key: string]: Json };

/** Plain data that nobody may change. */
export type FrozenJson =
  string | number | boolean | null | readonly FrozenJson[] | { readonly [key: string]: FrozenJson };

/** Freezes every level of `value` in place and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** True for `{}`-like objects, false for arrays, null and class instances. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects made in another realm (jest, vm) have another Object.prototype, but the same depth.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * What of `value` can be kept as plain data: functions, class instances and undefined are left
 * out of objects and become null in arrays.
 */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.map((item) => toJson(item));
  if (!isPlainObject(value)) return null;
  const result: JsonObject = {};
  for (const [key, inner] of Object.entries(value)) {
    const keepable =
      inner === null ||
      ['string', 'number', 'boolean'].includes(typeof inner) ||
      Array.isArray(inner) ||
      isPlainObject(inner);
    if (keepable && key !== '__proto__') result[key] = toJson(inner);
  }
  return result;
}
