import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointContents } from '../../../runtime/src/checkpoint/contents.ts';

/** A small checkpoint with every dtype, an empty tensor, a scalar and an odd number of bytes. */
export function sampleContents(step = 7): CheckpointContents {
  return {
    info: {
      step,
      epoch: 1,
      metrics: { 'val/loss': 0.5, 'val/best': Infinity },
      versions: { 'lightbox-runtime': '0.1.0' },
      config: { model: { hidden_dim: 8 } },
    },
    state: { loader: { position: 64 * step } },
    tensors: [
      { name: 'rng/mask', shape: [3], data: Uint8Array.of(1, 0, 255) },
      { name: 'model/dense/kernel', shape: [2, 2], data: Float32Array.of(1, -0, NaN, step) },
      { name: 'model/empty', shape: [0, 4], data: new Float32Array(0) },
      { name: 'model/scalar', shape: [], data: Float32Array.of(Infinity) },
      { name: 'rng/counter', shape: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
      { name: 'import/wide', shape: [1], data: Float64Array.of(Math.PI) },
      { name: 'import/long', shape: [1], data: BigInt64Array.of(-(2n ** 63n)) },
      { name: '__proto__', shape: [1], data: Int32Array.of(5) },
    ],
  };
}

/** Runs `body` with the path of a new folder that is removed afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lightbox-checkpoint-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
