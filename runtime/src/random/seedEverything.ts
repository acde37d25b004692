import { UsageError } from '../errors.ts';
import { keepRandom } from './lend.ts';
import { Rng } from './rng.ts';

let seed: number | null = null;

/**
 * Makes what follows in this process reproducible, for programs without the command line:
 * `seedEverything(42); const module = new Net(); await new Trainer().fit({ module, ... })` gives
 * the same bits each time, and the same initial weights as a configuration with that seed.
 *
 * `Math.random`, from which tfjs takes initial weights, is answered by a generator that starts
 * anew with each call, and trainers that name no `seed` get this one. A run itself never draws from
 * it: its numbers have keys of their own.
 * @param value a whole number from 0 on
 * @returns the seed
 * @throws UsageError ERR_SEED
 */
export function seedEverything(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(
      'ERR_SEED',
      `seedEverything(${String(value)}): expected a whole number from 0 on, such as 42.`,
    );
  }
  seed = value;
  keepRandom(initialRandom(value));
  return value;
}

/** The seed of the newest `seedEverything`; null before any. */
export function seededWith(): number | null {
  return seed;
}

/** What initial weights are drawn from. */
export function initialRandom(value: number): Rng {
  return Rng.fromSeed(value).fold('init');
}
