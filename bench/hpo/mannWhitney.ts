/**
 * One-sided Mann-Whitney test, normal approximation with correction for ties and continuity.
 * @returns the probability of ranks as bad (large) as those of `ours`, were both alike
 */
export function mannWhitney(ours: readonly number[], theirs: readonly number[]): number {
  const all = [...ours, ...theirs].toSorted((a, b) => a - b);
  const rank = (value: number): number => (all.indexOf(value) + all.lastIndexOf(value)) / 2 + 1;
  const sum = ours.reduce((total, value) => total + rank(value), 0);
  const [n, m] = [ours.length, theirs.length];
  const larger = sum - (n * (n + 1)) / 2;
  const counts = new Map<number, number>();
  for (const value of all) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ties = [...counts.values()].reduce((total, count) => total + count ** 3 - count, 0);
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
  if (variance === 0) return 0.5;
  return upperTail((larger - (n * m) / 2 - 0.5) / Math.sqrt(variance));
}

/** Of the standard normal, by Zelen and Severo's polynomial: to 1e-7. */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const coefficients = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153];
  const value = coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0) * t;
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * value;
}
