import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../../runtime/src/core/json.ts';
import { decodeState, encodeState } from '../../../runtime/src/checkpoint/stateJson.ts';

describe('state as JSON', () => {
  it('gives back NaN, the infinities and -0', () => {
    const state = { a: [NaN, Infinity, -Infinity, -0, 0, 1e-320], b: { c: -0 } };
    expect(decodeState(encodeState(state))).toEqual(state);
    expect(Object.is((decodeState(encodeState({ zero: -0 })) as { zero: number }).zero, -0)).toBe(
      true,
    );
  });

  it('gives back any plain data, keys that look like the encoding included', () => {
    const key = fc.oneof(fc.string(), fc.constantFrom('$number', '$$number', '__proto__'));
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.double(), fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null)),
      object: fc
        .array(fc.tuple(key, tie('tree')), { maxLength: 3 })
        .map((entries) => Object.fromEntries(entries) as unknown),
      tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('object'), fc.array(tie('tree'))),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const state = { value } as JsonObject;
        expect(decodeState(encodeState(state))).toEqual(state);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('leaves out undefined members', () => {
    const state = { a: 1, b: undefined } as unknown as JsonObject;
    expect(decodeState(encodeState(state))).toEqual({ a: 1 });
  });

  it('does not let a key reach the prototype', () => {
    const state = decodeState('{"__proto__":{"polluted":true}}');
    expect(Object.getPrototypeOf(state)).toBe(Object.getPrototypeOf(JSON.parse('{}')));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['a map', { best: new Map() }, 'state.best is a Map'],
    ['a function', { deep: [{ f: () => 1 }] }, 'state.deep[0].f is a function'],
    ['a big integer', { n: 1n }, 'state.n is a bigint'],
    ['an array of undefined', { n: [undefined] }, 'state.n[0] is a undefined'],
    ['a typed array', { n: new Float32Array(1) }, 'state.n is a Float32Array'],
  ])('refuses %s by place', (_name, state, message) => {
    expect(() => encodeState(state as unknown as JsonObject)).toThrow(message);
  });

  it('refuses a state that contains itself', () => {
    const state: JsonObject = {};
    state.self = state;
    expect(() => encodeState(state)).toThrow('state.self contains itself');
  });

  it('accepts the same object in two places', () => {
    const shared = { a: 1 };
    expect(decodeState(encodeState({ x: shared, y: shared }))).toEqual({ x: shared, y: shared });
  });
});
