import { UsageError } from '../errors.ts';
import { isPlainObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { CheckpointProblem } from './problem.ts';
import { decodeState, encodeState } from './stateJson.ts';
import type { NamedTensor } from './tensorData.ts';

/** What `inspect` shows of a checkpoint and what names and indexes are made from. */
export interface CheckpointInfo {
  /** Optimizer updates done. */
  readonly step: number;
  readonly epoch: number;
  /** Newest value of each metric, by full name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Versions of what wrote the checkpoint, by package. */
  readonly versions: Readonly<Record<string, string>>;
  /** The resolved configuration of the run; null when it had none. */
  readonly config: JsonObject | null;
}

/**
 * Why a checkpoint was saved and what belongs to the save: enough to finish it after a crash
 * between two of its files.
 */
export interface SaveRecord {
  /** Name of the file in its folder; another name with the same record is a link or a copy. */
  readonly file: string;
  readonly kinds: readonly string[];
  readonly monitor: string | null;
  readonly alsoAs: readonly { readonly file: string; readonly kinds: readonly string[] }[];
  /** Files of the folder that this one takes the place of. */
  readonly removes: readonly string[];
}

/** What a checkpoint is made of. */
export interface CheckpointContents {
  readonly info: CheckpointInfo;
  /** Everything that is not a tensor. NaN, Infinity and -0 survive. */
  readonly state: JsonObject;
  readonly tensors: readonly NamedTensor[];
  readonly save?: SaveRecord;
}

/** A checkpoint that was read and verified. */
export interface Checkpoint {
  readonly path: string;
  readonly info: CheckpointInfo & { readonly savedAt: string };
  readonly state: JsonObject;
  /** By name; the arrays belong to the caller. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

/** Metadata keys of checkpoints; a safetensors file without them is not one of ours. */
export const formatKey = 'lightbox.format';
export const stateKey = 'lightbox.state';
/** Bumped when older versions could no longer read what is written. */
export const formatVersion = '1';
/** The tensor that holds the checksums: one of each tensor in file order, the header's last. */
export const crcTensor = 'lightbox.crc32';

/**
 * Info and state as the file's metadata.
 * @param savedAt ISO 8601
 */
export function encodeMetadata(
  contents: CheckpointContents,
  savedAt: string,
): Record<string, string> {
  const info = { ...contents.info, savedAt };
  const save = contents.save as unknown as JsonObject | undefined;
  const text = encodeState({ info, state: contents.state, ...(save && { save }) });
  return { [formatKey]: formatVersion, [stateKey]: text };
}

/**
 * The reverse of `encodeMetadata`.
 * @throws CheckpointProblem when the file is no checkpoint, or one of a newer version
 */
export function decodeMetadata(metadata: Readonly<Record<string, string>>): {
  info: Checkpoint['info'];
  state: JsonObject;
  save: SaveRecord | null;
} {
  const version = metadata[formatKey] as string | undefined;
  if (version !== formatVersion) {
    const got = version === undefined ? 'none' : JSON.stringify(version);
    throw new CheckpointProblem(
      'format',
      `"${formatKey}" in its metadata is expected to be "${formatVersion}", got ${got}`,
    );
  }
  try {
    const { info, state, save } = decodeState(metadata[stateKey]);
    if (isInfo(info) && isPlainObject(state)) {
      return { info, state, save: isSaveRecord(save) ? save : null };
    }
  } catch (error) {
    throw new CheckpointProblem('format', `its state is not JSON: ${(error as Error).message}`);
  }
  throw new CheckpointProblem('format', 'its state lacks "info" (step, epoch, ...) or "state"');
}

function isInfo(value: unknown): value is Checkpoint['info'] {
  return (
    isPlainObject(value) &&
    typeof value.step === 'number' &&
    typeof value.epoch === 'number' &&
    typeof value.savedAt === 'string' &&
    isPlainObject(value.metrics) &&
    isPlainObject(value.versions) &&
    (value.config === null || isPlainObject(value.config))
  );
}

function isSaveRecord(value: unknown): value is SaveRecord {
  return (
    isPlainObject(value) &&
    typeof value.file === 'string' &&
    (value.monitor === null || typeof value.monitor === 'string') &&
    Array.isArray(value.kinds) &&
    Array.isArray(value.removes) &&
    value.removes.every((file) => typeof file === 'string') &&
    Array.isArray(value.alsoAs) &&
    value.alsoAs.every(
      (alias) =>
        isPlainObject(alias) && typeof alias.file === 'string' && Array.isArray(alias.kinds),
    )
  );
}

/**
 * Checks what no reader could make sense of later: names and sizes.
 * @throws UsageError ERR_CHECKPOINT_TENSOR
 */
export function checkTensors(tensors: readonly NamedTensor[]): void {
  const seen = new Set<string>();
  for (const { name, shape, data } of tensors) {
    const where = `Tensor ${JSON.stringify(name)} of the checkpoint`;
    if (seen.has(name)) throw refused(`${where} is there twice; names must be unique.`);
    seen.add(name);
    if (name === '' || name === '__metadata__' || name.startsWith('lightbox.')) {
      throw refused(`${where} has a reserved name; expected one such as "model/dense/kernel".`);
    }
    if (/\p{Surrogate}/u.test(name)) throw refused(`${where} has a name that is not valid text.`);
    const expected = shape.reduce((product, size) => product * size, 1);
    if (expected !== data.length) {
      const [shapeText, got] = [JSON.stringify(shape), data.length];
      throw refused(`${where} has shape ${shapeText}, which is ${expected} values, got ${got}.`);
    }
  }
}

function refused(message: string): UsageError {
  return new UsageError('ERR_CHECKPOINT_TENSOR', message);
}
