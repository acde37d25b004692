import type { HostTensor } from '../../../runtime/src/core/batch.ts';
import type { LoadedBatch, Loader } from '../../../runtime/src/core/loader.ts';

/** The first `count` batches from position `t` on, over epochs, with the positions they begin at. */
export async function collect(
  loader: Loader,
  t: number,
  end: number,
): Promise<{ t: number; batch: LoadedBatch }[]> {
  const collected: { t: number; batch: LoadedBatch }[] = [];
  let position = t;
  while (position < end) {
    const before = position;
    for await (const batch of loader.iterate(position)) {
      collected.push({ t: position, batch });
      position += batch.size;
    }
    if (position === before) throw new Error(`No batch at position ${position}.`);
  }
  return collected;
}

/** One text a batch that differs whenever any value, shape or type in it does. */
export function digest(batch: LoadedBatch): string {
  return `${batch.size} ${textOf(batch.data)}`;
}

function textOf(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const array = value as Float32Array;
    return `${array.BYTES_PER_ELEMENT} ${array.join()}`;
  }
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value).reduce(
    (text, [key, inner]) => `${text}${key}:${textOf(inner)};`,
    '',
  );
}

/** The named tensor of a batch. */
export function field(batch: LoadedBatch, name: string): HostTensor {
  return (batch.data as Record<string, HostTensor>)[name];
}
