import { describe, expect, it } from '@jest/globals';
import { Kernels } from '../../../../runtime/src/engine/wasm/kernels.ts';
import {
  adam,
  adamw,
  rmsprop,
  sgd,
  sgdMomentum,
} from '../../../../runtime/src/engine/wasm/updateRules.ts';
import {
  axpy,
  clampValue,
  copy,
  fill,
  scale,
} from '../../../../runtime/src/engine/wasm/vectorRules.ts';
import type { Elementwise } from '../../../../runtime/src/engine/wasm/elementwise.ts';
import { webAssembly } from '../../../../runtime/src/engine/wasm/webAssembly.ts';
import { Rng } from '../../../../runtime/src/random/rng.ts';

// Below, at and above the four lanes of one vector, and with every length of tail.
const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 64, 131];

describe('update rules against double precision', () => {
  it.each(lengths)('adam and adamw, %i elements', (length) => {
    const scalars = {
      oneMinusBeta1: 0.1,
      beta2: 0.999,
      oneMinusBeta2: 0.001,
      stepSize: 0.003,
      inverseRootCorrection2: 7.3,
      eps: 1e-8,
    };
    for (const decoupled of [false, true]) {
      const { kernels, x } = vectors(length, ['values', 'grads', 'expAvg', 'expAvgSq']);
      const before = snapshot(x);
      const weightDecay = 0.02;
      kernels.run(decoupled ? adamw : adam, x, { ...scalars, weightDecay });
      for (let i = 0; i < length; i++) {
        const p = before.values[i];
        const g = before.grads[i] + (decoupled ? 0 : weightDecay * p);
        const m = before.expAvg[i] + 0.1 * (g - before.expAvg[i]);
        const v = before.expAvgSq[i] * 0.999 + 0.001 * g * g;
        const start = decoupled ? p * (1 - weightDecay) : p;
        near(x.expAvg[i], m);
        near(x.expAvgSq[i], v);
        near(x.values[i], start - (0.003 * m) / (Math.sqrt(v) * 7.3 + 1e-8));
      }
    }
  });

  it.each(lengths)('sgd with and without momentum, %i elements', (length) => {
    const plain = vectors(length, ['values', 'grads']);
    const start = snapshot(plain.x);
    plain.kernels.run(sgd, plain.x, { lr: 0.1, weightDecay: 0.3 });
    const { kernels, x } = vectors(length, ['values', 'grads', 'momentumBuffer']);
    const before = snapshot(x);
    kernels.run(sgdMomentum, x, {
      lr: 0.1,
      weightDecay: 0.3,
      momentum: 0.9,
      gradientScale: 0.8,
      fromGradient: 1,
      fromBuffer: 0.9,
    });
    for (let i = 0; i < length; i++) {
      near(plain.x.values[i], start.values[i] - 0.1 * (start.grads[i] + 0.3 * start.values[i]));
      const g = before.grads[i] + 0.3 * before.values[i];
      const buffer = 0.9 * before.momentumBuffer[i] + 0.8 * g;
      near(x.momentumBuffer[i], buffer);
      near(x.values[i], before.values[i] - 0.1 * (g + 0.9 * buffer));
    }
  });

  it.each(lengths)('rmsprop in its four forms, %i elements', (length) => {
    for (const centered of [false, true]) {
      for (const momentum of [false, true]) {
        const { kernels, x } = vectors(length, [
          'values',
          'grads',
          'squareAvg',
          'gradAvg',
          'momentumBuffer',
        ]);
        // Room under the root also when the mean is taken away.
        for (let i = 0; i < length; i++) x.squareAvg[i] = Math.abs(x.squareAvg[i]) + 9;
        const before = snapshot(x);
        const rest = { lr: 0.1, weightDecay: 0.3, alpha: 0.9, oneMinusAlpha: 0.1, eps: 1e-3 };
        kernels.run(rmsprop({ centered, momentum }), x, { ...rest, momentum: 0.7 });
        for (let i = 0; i < length; i++) {
          const g = before.grads[i] + 0.3 * before.values[i];
          const square = 0.9 * before.squareAvg[i] + 0.1 * g * g;
          const mean = before.gradAvg[i] + 0.1 * (g - before.gradAvg[i]);
          const root = Math.sqrt(centered ? square - mean * mean : square);
          const direction = g / (root + 1e-3) + (momentum ? 0.7 * before.momentumBuffer[i] : 0);
          near(x.squareAvg[i], square);
          near(x.gradAvg[i], centered ? mean : before.gradAvg[i]);
          near(x.momentumBuffer[i], momentum ? direction : before.momentumBuffer[i]);
          near(x.values[i], before.values[i] - 0.1 * direction);
        }
      }
    }
  });
});

describe('update rules that write their state elsewhere', () => {
  const onOff = [false, true];
  const rules: Elementwise<string, string>[] = [
    ...[adam, adamw, sgdMomentum].map((rule) => rule as unknown as Elementwise<string, string>),
    ...onOff.flatMap((centered) =>
      onOff.map((momentum) => rmsprop({ centered, momentum }) as Elementwise<string, string>),
    ),
  ];

  it.each(rules)('$name', (rule) => {
    const scalars = Object.fromEntries(rule.scalars.map((name) => [name, 0.25]));
    for (const length of lengths) {
      const state = rule.state ?? [];
      const both = [...rule.arrays, ...state.map((name) => `new ${name}`)];
      const inPlace = vectors(length, both);
      const { kernels, x } = vectors(length, both);
      // Room under the root also when the mean is taken away.
      for (const views of [inPlace.x, x])
        views.squareAvg?.forEach((_1, i, all) => (all[i] = 9 + i));
      const before = snapshot(x);
      inPlace.kernels.run(rule, inPlace.x, scalars);
      const targets = state.map((name) => [name, x[`new ${name}`]] as const);
      kernels.run(rule, x, scalars, Object.fromEntries(targets));
      expect([...x.values]).toEqual([...inPlace.x.values]);
      for (const name of state) {
        expect([...x[`new ${name}`]]).toEqual([...inPlace.x[name]]);
        expect([...x[name]]).toEqual(before[name]);
        if (length > 0) expect([...x[`new ${name}`]]).not.toEqual(before[name]);
      }
    }
  });
});

describe('vector rules', () => {
  it.each(lengths)('scale, axpy, clampValue, copy, fill over %i elements', (length) => {
    const { kernels, x } = vectors(length, ['a', 'b']);
    const before = snapshot(x);
    kernels.run(scale, { x: x.a }, { factor: 3 });
    kernels.run(axpy, { sum: x.a, x: x.b }, { factor: 0.5 });
    x.a.forEach((value, i) => {
      near(value, before.a[i] * 3 + before.b[i] * 0.5);
    });
    kernels.run(clampValue, { x: x.b }, { low: -0.25, high: 0.5 });
    expect([...x.b]).toEqual(before.b.map((value) => Math.min(0.5, Math.max(-0.25, value))));
    kernels.run(copy, { to: x.a, from: x.b }, {});
    expect(x.a).toEqual(x.b);
    kernels.run(fill, { x: x.a }, { value: 7 });
    expect(x.a).toEqual(new Float32Array(length).fill(7));
  });

  it('writes nothing beyond the end of a view', () => {
    const { kernels, x } = vectors(16, ['a']);
    const before = [...x.a];
    kernels.run(fill, { x: x.a.subarray(3, 10) }, { value: 9 });
    expect([...x.a]).toEqual(before.map((value, i) => (i >= 3 && i < 10 ? 9 : value)));
  });

  it('keeps a NaN through clampValue', () => {
    const { kernels, x } = vectors(5, ['a']);
    x.a[1] = NaN;
    x.a[4] = NaN;
    kernels.run(clampValue, { x: x.a }, { low: -1, high: 1 });
    expect([x.a[1], x.a[4]]).toEqual([NaN, NaN]);
  });
});

describe('reductions', () => {
  it.each(lengths)('sums %i squares in double precision, to equal bits', (length) => {
    const { kernels, x } = vectors(length, ['a']);
    const expected = x.a.reduce((sum, value) => sum + value * value, 0);
    const first = kernels.sumOfSquares(x.a);
    expect(Math.abs(first - expected)).toBeLessThanOrEqual(1e-13 * expected);
    expect(kernels.sumOfSquares(x.a)).toBe(first);
  });

  it('sums squares that float32 could not hold', () => {
    const { kernels, x } = vectors(6, ['a']);
    x.a.fill(1e30);
    expect(kernels.sumOfSquares(x.a) / 6e60).toBeCloseTo(1, 6);
  });

  it.each([NaN, Infinity, -Infinity])('finds %d at every position', (bad) => {
    const { kernels, x } = vectors(11, ['a']);
    expect(kernels.allFinite(x.a)).toBe(true);
    for (let position = 0; position < 11; position++) {
      const good = x.a[position];
      x.a[position] = bad;
      expect(kernels.allFinite(x.a)).toBe(false);
      x.a[position] = good;
    }
    x.a.fill(3e38);
    expect(kernels.allFinite(x.a)).toBe(true);
  });
});

describe('views', () => {
  it('refuses views of other memory and of unequal lengths', () => {
    const { kernels, x } = vectors(8, ['a', 'b']);
    expect(() => {
      kernels.run(scale, { x: new Float32Array(8) }, { factor: 1 });
    }).toThrow(/view of the kernels' memory/);
    expect(() => {
      kernels.run(axpy, { sum: x.a, x: x.b.subarray(1) }, { factor: 1 });
    }).toThrow(/equal length, got 8, 7/);
  });
});

function vectors<Name extends string>(
  length: number,
  names: readonly Name[],
): { kernels: Kernels; x: Record<Name, Float32Array> } {
  const kernels = new Kernels(new webAssembly.Memory({ initial: 1, maximum: 1 }));
  const stride = Math.ceil(length / 4) * 16 + 16;
  const entries = names.map((name, index): [Name, Float32Array] => {
    const rng = Rng.fromSeed(1).fold(name);
    const view = new Float32Array(kernels.memory.buffer, index * stride, length);
    return [name, view.map(() => (name === 'expAvgSq' ? rng.uniform() : rng.normal()))];
  });
  // `map` copies; the values have to be in the memory itself.
  const x = Object.fromEntries(
    entries.map(([name, values], index) => {
      const view = new Float32Array(kernels.memory.buffer, index * stride, length);
      view.set(values);
      return [name, view];
    }),
  ) as Record<Name, Float32Array>;
  return { kernels, x };
}

function snapshot<Name extends string>(x: Record<Name, Float32Array>): Record<Name, number[]> {
  return Object.fromEntries(
    Object.entries<Float32Array>(x).map(([name, view]) => [name, [...view]]),
  ) as Record<Name, number[]>;
}

/** Within 1e-6, relative for large values: float32 has 6e-8. */
function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)));
}
