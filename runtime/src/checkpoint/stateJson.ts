import { UsageError } from '../errors.ts';
import { isPlainObject } from '../core/json.ts';
import type { Json, JsonObject } from '../core/json.ts';

/**
 * `state` as JSON text that gives back exactly the same values. JSON has no NaN, Infinity,
 * -Infinity and -0, and a state (a best score before the first validation) does: they become
 * `{"$number": "NaN"}` and so on. An object that has such a key itself gets one more `$`.
 * Undefined members are left out. Anything else that is not plain data is refused with
 * ERR_CHECKPOINT_STATE, which names the place.
 */
export function encodeState(state: JsonObject): string {
  return JSON.stringify(encode(state, 'state', new Set()));
}

/** The reverse of `encodeState`; throws SyntaxError for text that is no JSON object. */
export function decodeState(text: string): JsonObject {
  const value = JSON.parse(text, (_key, inner: Json) => decode(inner)) as unknown;
  if (!isPlainObject(value)) throw new SyntaxError('the state is not a JSON object');
  return value as JsonObject;
}

function encode(value: unknown, place: string, parents: Set<object>): Json {
  if (typeof value === 'number') return encodeNumber(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (!Array.isArray(value) && !isPlainObject(value)) throw notPlainData(value, place);
  if (parents.has(value)) {
    throw new UsageError('ERR_CHECKPOINT_STATE', `${place} contains itself and cannot be saved.`);
  }
  parents.add(value);
  const result = Array.isArray(value)
    ? value.map((item: unknown, index) => encode(item, `${place}[${index}]`, parents))
    : encodeObject(value, place, parents);
  parents.delete(value);
  return result;
}

function encodeNumber(value: number): Json {
  if (Object.is(value, -0)) return { $number: '-0' };
  return Number.isFinite(value) ? value : { $number: String(value) };
}

function encodeObject(value: Record<string, unknown>, place: string, parents: Set<object>): Json {
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]): [string, Json] => [
      reservedKey.test(key) ? `$${key}` : key,
      encode(inner, `${place}.${key}`, parents),
    ]);
  // fromEntries defines members, so that a key `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

function decode(value: Json): Json {
  if (!isPlainObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === '$number') return Number(value.$number);
  if (!keys.some((key) => reservedKey.test(key))) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, inner]) => [reservedKey.test(key) ? key.slice(1) : key, inner]),
  );
}

const reservedKey = /^\$+number$/;

function notPlainData(value: unknown, place: string): UsageError {
  const kind = typeof value === 'object' ? (value?.constructor.name ?? 'object') : typeof value;
  return new UsageError(
    'ERR_CHECKPOINT_STATE',
    `${place} is a ${kind}; a checkpoint holds plain data only (strings, numbers, booleans, ` +
      'null, arrays, objects). Return plain data from stateDict(); large arrays belong into tensors.',
  );
}
