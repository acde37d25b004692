import type { Rng } from './rng.ts';

/**
 * Runs `body` with `Math.random` answered by `rng`. TensorFlow.js seeds its random ops, dropout
 * and weight initializers from `Math.random`, so this makes any tfjs model reproducible.
 * Only for synchronous bodies: the original is back before this returns or throws.
 */
export function withKeyedRandom<T>(rng: Pick<Rng, 'uniform'>, body: () => T): T {
  const original = Math.random;
  Math.random = () => rng.uniform();
  try {
    return body();
  } finally {
    Math.random = original;
  }
}

/** Answers `Math.random` by `rng` wherever no `withKeyedRandom` does, until the process ends. */
export function keepRandom(rng: Pick<Rng, 'uniform'>): void {
  Math.random = () => rng.uniform();
}
