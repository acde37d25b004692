import { encodeModel } from '../onnx/encodeModel.ts';
import { BLOCKED_DOMAIN, GraphBuilder } from '../onnx/graphBuilder.ts';
import { Value } from '../onnx/value.ts';
import { createSession } from './binding.ts';

let known: number | undefined;

/**
 * How many channels ONNX Runtime's blocked image layout keeps together: 16 with AVX-512, 8 with
 * AVX2 and on ARM, 0 where it has none. Tried out once, since nothing says so.
 */
export function blockSize(): number {
  known ??= [16, 8].find((size) => isBlockSize(size)) ?? 0;
  return known;
}

/** Reorders two pixels of 32 channels and looks at where each number went. */
function isBlockSize(size: number): boolean {
  const [channels, pixels] = [32, 2];
  const ramp = Float32Array.from({ length: channels * pixels }, (_, index) => index);
  const expected = ramp.map((_, index) => {
    const block = Math.floor(index / (size * pixels));
    const pixel = Math.floor(index / size) % pixels;
    return pixel * channels + block * size + (index % size);
  });
  const actual = new Float32Array(ramp.length);
  try {
    const session = createSession(reordering(pixels, channels), { threads: 1, spinning: false });
    const tensor = { type: 'float32', location: 'cpu' } as const;
    session.run(
      { x: { ...tensor, data: ramp, dims: [1, 1, pixels, channels] } },
      { y: { ...tensor, data: actual, dims: [1, channels, 1, pixels] } },
    );
    session.dispose();
  } catch {
    return false;
  }
  return actual.every((value, index) => value === expected[index]);
}

function reordering(pixels: number, channels: number): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [1, 1, pixels, channels]);
  const options = { domain: BLOCKED_DOMAIN };
  const [y] = graph.raw('ReorderInput', [graph.rows(x)], { channels_last: 1 }, options);
  const value = new Value('float32', [1, channels, 1, pixels], { rows: y });
  return encodeModel(graph.finish([{ name: 'y', value }]));
}
