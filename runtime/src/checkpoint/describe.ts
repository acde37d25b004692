import type { Checkpoint } from './contents.ts';
import { readCheckpoint, readCheckpointHeader } from './readCheckpoint.ts';
import type { Dtype } from './tensorData.ts';

/** A checkpoint without the values of its tensors. */
export interface CheckpointDescription {
  readonly path: string;
  readonly bytes: number;
  readonly info: Checkpoint['info'];
  readonly state: Checkpoint['state'];
  /** By name. */
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: Dtype;
    readonly shape: readonly number[];
    readonly bytes: number;
  }[];
  /** Values in tensors under `model/`. */
  readonly modelSize: number;
}

/**
 * What is in the checkpoint at `path`.
 * @param options.verify also reads the tensors and checks their checksums (default true)
 * @throws UsageError as `readCheckpoint`
 */
export async function describeCheckpoint(
  path: string,
  { verify = true }: { verify?: boolean } = {},
): Promise<CheckpointDescription> {
  const header = await readCheckpointHeader(path);
  if (verify) await readCheckpoint(path);
  const tensors = header.tensors
    .map(({ name, dtype, shape, begin, end }) => ({ name, dtype, shape, bytes: end - begin }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const modelSize = tensors
    .filter(({ name }) => name.startsWith('model/'))
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const { info, state, fileBytes: bytes } = header;
  return { path, bytes, info, state, tensors, modelSize };
}
