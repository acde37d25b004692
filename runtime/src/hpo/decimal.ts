/**
 * The last point of low, low + step, ... that is not above `high`, in decimal arithmetic: with
 * binary floats 0.3 would not be a multiple of 0.1.
 */
export function floorToStep(low: number, high: number, step: number): number {
  const scale = Math.max(...[low, high, step].map((value) => parts(value).scale));
  const [start, end, width] = [low, high, step].map((value) => scaled(value, scale));
  if ((end - start) % width === 0n) return high;
  const top = ((end - start) / width) * width + start;
  return Number(`${top}e-${scale}`);
}

/** How many whole steps fit between `low` and `high`. */
export function stepsBetween(low: number, high: number, step: number): bigint {
  const scale = Math.max(...[low, high, step].map((value) => parts(value).scale));
  return (scaled(high, scale) - scaled(low, scale)) / scaled(step, scale);
}

/** `value` = digits * 10^-scale, from its shortest decimal notation. */
function parts(value: number): { digits: bigint; scale: number } {
  const [mantissa, power] = value.toExponential().split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const scale = fraction.length - Number(power);
  const digits = BigInt(whole + fraction);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

function scaled(value: number, scale: number): bigint {
  const own = parts(value);
  return own.digits * 10n ** BigInt(scale - own.scale);
}
