/**
 * The point of a Halton sequence at `index`, one coordinate: the index's digits in the base of a
 * prime, behind the point in reverse.
 * @param dimension from 0 on: which prime
 * @param shift added modulo 1, which scrambles the sequence; 0: as it is
 * @returns a number of [0, 1)
 */
export function halton(dimension: number, index: number, shift: number): number {
  const base = nthPrime(dimension);
  let value = 0;
  let unit = 1 / base;
  for (let rest = index; rest > 0; rest = Math.floor(rest / base), unit /= base) {
    value += (rest % base) * unit;
  }
  return (value + shift) % 1;
}

function nthPrime(n: number): number {
  const primes: number[] = [];
  for (let candidate = 2; primes.length <= n; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes[n];
}
