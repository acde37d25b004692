import { UsageError } from '../../errors.ts';

/** What integer weights add up to: shares are exact to 1 / 65,536. */
export const weightTotal = 65_536;

/**
 * Scales weights to integers that sum to 65,536 by the largest remainder. A positive weight never
 * becomes 0: it gets at least 1, taken from the largest.
 * @param weights one finite weight >= 0 a dataset, at least one of them positive
 * @param names for messages, in the same order
 */
export function integerWeights(weights: readonly number[], names: readonly string[]): number[] {
  checkWeights(weights, names);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const exact = weights.map((weight) => (weight / sum) * weightTotal);
  const whole = exact.map((share, index) =>
    Math.max(Math.floor(share), weights[index] > 0 ? 1 : 0),
  );
  let missing = weightTotal - whole.reduce((total, share) => total + share, 0);
  // Ties go to the dataset declared first, so the result never depends on the sort.
  const byRemainder = exact
    .map((share, index) => ({ index, remainder: share - whole[index] }))
    .filter(({ index }) => weights[index] > 0)
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (let turn = 0; missing > 0; turn++, missing--) {
    whole[byRemainder[turn % byRemainder.length].index]++;
  }
  for (; missing < 0; missing++) whole[whole.indexOf(Math.max(...whole))]--;
  return whole;
}

/**
 * Weights that soften the differences in size: p_i ~ n_i^(1/T). T = 1 is proportional to size,
 * larger values approach a uniform mixture.
 */
export function temperatureWeights(sizes: readonly number[], temperature: number): number[] {
  if (!(temperature > 0) || !Number.isFinite(temperature)) {
    throw new UsageError(
      'ERR_DATA_TEMPERATURE',
      `temperature must be a number above 0, got ${temperature}. 1 mixes by size, large values mix evenly.`,
    );
  }
  // Divided by the largest first: n^(1/T) overflows for small T.
  const largest = Math.max(...sizes);
  return sizes.map((size) => (size / largest) ** (1 / temperature));
}

function checkWeights(weights: readonly number[], names: readonly string[]): void {
  if (weights.length !== names.length) {
    throw new UsageError(
      'ERR_DATA_WEIGHTS',
      `Expected ${names.length} dataset weights (${names.join(', ')}), got ${weights.length}.`,
    );
  }
  weights.forEach((weight, index) => {
    if (!Number.isFinite(weight) || weight < 0) {
      throw new UsageError(
        'ERR_DATA_WEIGHTS',
        `The weight of dataset "${names[index]}" must be a number >= 0, got ${weight}.`,
      );
    }
  });
  if (!weights.some((weight) => weight > 0)) {
    throw new UsageError(
      'ERR_DATA_WEIGHTS',
      `All dataset weights are 0 (${names.join(', ')}): give at least one a positive weight.`,
    );
  }
  if (names.length > weightTotal) {
    throw new UsageError('ERR_DATA_WEIGHTS', `At most ${weightTotal} datasets can be mixed.`);
  }
}
