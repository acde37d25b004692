import { deepStrictEqual } from 'node:assert/strict';

/** The two functions that a conformance suite needs of a test runner: jest's, vitest's, node's. */
export interface TestApi {
  describe(title: string, body: () => void): unknown;
  it(title: string, body: () => Promise<void> | void): unknown;
}

/** Fails unless both are deeply equal; NaN equals NaN, -0 does not equal 0. */
export function assertEqual(actual: unknown, expected: unknown): void {
  deepStrictEqual(plain(actual), plain(expected));
}

/** Fails unless the promise is rejected with an error of that code. */
export async function assertRejects(promise: Promise<unknown>, code: string): Promise<void> {
  let found: unknown = 'no error';
  try {
    await promise;
  } catch (error) {
    found = error instanceof Error && 'code' in error ? error.code : error;
  }
  assertEqual(found, code);
}

/** Test runners run tests in another realm, where even equal arrays have other prototypes. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return { map: [...value].map(plain) };
  if (Array.isArray(value)) return Array.from(value, plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
