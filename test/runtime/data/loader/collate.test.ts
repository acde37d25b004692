import { describe, expect, it } from '@jest/globals';
import {
  collateSamples,
  type CollateContext,
} from '../../../../runtime/src/data/loader/collate.ts';

const context: CollateContext = { columns: {}, describe: (row) => `sample ${row}` };

describe('collateSamples', () => {
  it('stacks scalars, typed arrays, tensors, tuples and strings', () => {
    const sample = (n: number): object => ({
      score: n + 0.5,
      positive: n > 0,
      name: `s${n}`,
      codes: Uint8Array.of(n, 255),
      precise: Float64Array.of(n, 0.1),
      image: { data: Float32Array.of(n, n), shape: [1, 2, 1], dtype: 'float32' },
      matrix: [
        [n, 1],
        [2, 3],
      ],
      pair: [n, { deep: n }, 'x'],
      nothing: null,
    });
    expect(collateSamples([sample(0), sample(1)], context)).toEqual({
      score: { data: Float32Array.of(0.5, 1.5), shape: [2], dtype: 'float32' },
      positive: { data: Uint8Array.of(0, 1), shape: [2], dtype: 'bool' },
      name: ['s0', 's1'],
      codes: { data: Int32Array.of(0, 255, 1, 255), shape: [2, 2], dtype: 'int32' },
      precise: { data: Float32Array.of(0, 0.1, 1, 0.1), shape: [2, 2], dtype: 'float32' },
      image: { data: Float32Array.of(0, 0, 1, 1), shape: [2, 1, 2, 1], dtype: 'float32' },
      matrix: { data: Float32Array.of(0, 1, 2, 3, 1, 1, 2, 3), shape: [2, 2, 2], dtype: 'float32' },
      pair: [
        { data: Float32Array.of(0, 1), shape: [2], dtype: 'float32' },
        { deep: { data: Float32Array.of(0, 1), shape: [2], dtype: 'float32' } },
        ['x', 'x'],
      ],
      nothing: [null, null],
    });
  });

  it('keeps int32 tensors of bytes as bytes until one is something else', () => {
    const sample = (data: Uint8Array | Int32Array) => ({ data, shape: [2], dtype: 'int32' });
    const bytes = sample(Uint8Array.of(1, 255));
    expect(collateSamples([bytes, bytes], context)).toEqual({
      data: Uint8Array.of(1, 255, 1, 255),
      shape: [2, 2],
      dtype: 'int32',
    });
    const words = sample(Int32Array.of(-1, 70_000));
    const mixed = { shape: [2, 2], dtype: 'int32' };
    expect(collateSamples([bytes, words], context)).toEqual({
      ...mixed,
      data: Int32Array.of(1, 255, -1, 70_000),
    });
    expect(collateSamples([words, bytes], context)).toEqual({
      ...mixed,
      data: Int32Array.of(-1, 70_000, 1, 255),
    });
  });

  it('makes numbers int32 where the column says so, and only whole ones', () => {
    const columns = { label: { dtype: 'int32', shape: [] } } as const;
    const batch = collateSamples([{ label: 3 }, { label: 9 }], { ...context, columns });
    expect(batch).toEqual({ label: { data: Int32Array.of(3, 9), shape: [2], dtype: 'int32' } });
    expect(() => collateSamples([{ label: 1 }, { label: 1.5 }], { ...context, columns })).toThrow(
      /Field "label" of sample 1: expected a whole number \(int32\).*got 1.5/,
    );
  });

  it.each([
    {
      samples: [{ x: Float32Array.of(1) }, { x: Float32Array.of(1, 2) }],
      message: /Field "x" of sample 1: expected float32 \[1\] as in sample 0, got float32 \[2\]/,
    },
    {
      samples: [{ x: Float32Array.of(1) }, { x: Int32Array.of(1) }],
      message: /expected float32 \[1\].*got int32 \[1\]/,
    },
    { samples: [{ x: 1 }, { y: 1 }], message: /expected keys x as in sample 0, got y/ },
    {
      samples: [{ x: { z: 1 } }, { x: { z: 'a' } }],
      message: /Field "x\.z" of sample 1.*string 'a'/,
    },
    { samples: [[1, 'a'], [1]], message: /expected 2 items.*got 1/ },
    { samples: ['a', 1], message: /expected a string.*number 1/ },
    { samples: [null, 1], message: /expected nothing/ },
    { samples: [{ x: new Uint32Array(1) }], message: /Field "x" is a Uint32Array/ },
    { samples: [{ x: new Map() }], message: /Field "x" of sample 0 is Map/ },
    { samples: [{ x: 5n }], message: /bigint 5/ },
  ])('refuses $samples', ({ samples, message }) => {
    expect(() => collateSamples(samples, context)).toThrow(message);
  });
});
