import type { Place, SampleOrder } from '../order/sampleOrder.ts';

/** Where the sample at position `t` comes from; positions skip the remainders that are dropped. */
export function placeOf(order: SampleOrder, samplesPerEpoch: number, t: number): Place {
  const epoch = Math.floor(t / samplesPerEpoch);
  return order.place(epoch * order.length + t - epoch * samplesPerEpoch);
}

/** Places of `size` samples from position `t` on. */
export function placesOf(
  order: SampleOrder,
  samplesPerEpoch: number,
  t: number,
  size: number,
): Place[] {
  return Array.from({ length: size }, (_, index) => placeOf(order, samplesPerEpoch, t + index));
}
