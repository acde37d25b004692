import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  clipByGlobalNorm,
  clipByValue,
  clipGradients,
  clipOptimizer,
  SGD,
} from '../../../../runtime/src/core/optim/index.ts';
import type { ClipConfig } from '../../../../runtime/src/core/optim/clipping.ts';
import type { ParameterArena } from '../../../../runtime/src/engine/arena/parameterArena.ts';
import { selectBackend } from '../../../../runtime/src/engine/index.ts';
import { golden, goldenArena, goldenGradients, largestError, parts } from './goldenParameters.ts';

describe('clipping', () => {
  let arena: ParameterArena;
  beforeAll(async () => {
    await selectBackend({ accelerator: 'cpu' });
  });
  beforeEach(() => {
    arena = goldenArena();
    goldenGradients(arena, 0);
  });

  it("clips by global norm to torch's values and returns the norm before", () => {
    expect(clipByGlobalNorm(arena, 0.5)).toBeCloseTo(golden.clip.norm, 6);
    expect(largestError(parts(arena, arena.grads), golden.clip.grads)).toBeLessThan(1e-6);
  });

  it('leaves a smaller norm alone, to the bit', () => {
    const before = [...arena.grads];
    const norm = clipGradients(arena);
    expect(clipByGlobalNorm(arena, norm * 1.01)).toBe(norm);
    expect([...arena.grads]).toEqual(before);
  });

  it('clips by value and returns the norm before', () => {
    const before = [...arena.grads];
    expect(clipByValue(arena, 0.25)).toBeCloseTo(golden.clip.norm, 6);
    expect([...arena.grads]).toEqual(before.map((g) => Math.min(0.25, Math.max(-0.25, g))));
  });

  it("clips a group on its own, the rest by the common setting, as torch's functions do", () => {
    const optimizer = new SGD({ groups: [{ params: ['p1'], clip: { norm: 0.5 } }] });
    optimizer.bind(arena);
    expect(clipOptimizer(optimizer, { value: 0.25 }).norm).toBeCloseTo(golden.clip.norm, 6);
    expect(largestError(parts(arena, arena.grads), golden.clipGroups.grads)).toBeLessThan(1e-6);
  });

  it('leaves the rest alone when only a group is to be clipped', () => {
    const optimizer = new SGD({ groups: [{ params: ['p1'], clip: { norm: 0.5 } }] });
    optimizer.bind(arena);
    const before = parts(arena, arena.grads);
    clipOptimizer(optimizer, null);
    const after = parts(arena, arena.grads);
    expect(after[0]).toEqual(before[0]);
    expect(Math.hypot(...after[1])).toBeCloseTo(0.5, 5);
  });

  it('says whether a norm was beyond its own limit', () => {
    const [first, second] = parts(arena, arena.grads).map((part) => Math.hypot(...part));
    const outcome = (own: number | undefined, clip: ClipConfig | null): boolean => {
      const copy = arena.grads.slice();
      const optimizer = new SGD({
        groups: [{ params: ['p1'], ...(own !== undefined && { clip: { norm: own } }) }],
      });
      optimizer.bind(arena);
      const { byNorm } = clipOptimizer(optimizer, clip);
      arena.grads.set(copy);
      return byNorm;
    };
    expect(outcome(second * 0.9, null)).toBe(true);
    expect(outcome(second * 1.1, null)).toBe(false);
    // The norm of all together is larger than that of the rest, which alone the limit is for.
    expect(outcome(second * 1.1, { norm: first * 1.1 })).toBe(false);
    expect(outcome(second * 1.1, { norm: first * 0.9 })).toBe(true);
    expect(outcome(undefined, { value: 1e-6, norm: 1e-3 })).toBe(false);
    expect(outcome(undefined, { norm: 1e-3 })).toBe(true);
  });

  it('with both, clips values first and reports the norm before either', () => {
    expect(clipGradients(arena, { value: 0.25, norm: 0.1 })).toBeCloseTo(golden.clip.norm, 6);
    expect(clipGradients(arena)).toBeCloseTo(0.1, 5);
  });

  it('does not hide a NaN', () => {
    arena.grads[2] = NaN;
    expect(clipByGlobalNorm(arena, 1)).toBeNaN();
    expect(arena.grads[0]).toBeNaN();
  });
});
