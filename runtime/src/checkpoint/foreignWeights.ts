import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isPlainObject } from '../core/json.ts';
import { headerLength, parseHeader, prefixBytes } from '../core/safetensorsHeader.ts';
import { messageOf, UsageError } from '../errors.ts';

/** A tensor of a file of weights, as float32 whatever it was there. */
export interface SourceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Reads every tensor of a safetensors file, or of a tfjs LayersModel (`model.json` with its
 * binary files beside it).
 * @throws UsageError ERR_WEIGHTS_FILE
 */
export async function readWeights(path: string): Promise<SourceTensor[]> {
  try {
    return path.endsWith('.json') ? await readLayersModel(path) : await readSafetensors(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw broken(path, messageOf(error), error);
  }
}

const bytesPerElement = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 };
type Dtype = keyof typeof bytesPerElement;

async function readSafetensors(path: string): Promise<SourceTensor[]> {
  const file = await readFile(path);
  const fail = (_kind: string, detail: string): UsageError => broken(path, detail);
  const data = prefixBytes + headerLength(file.subarray(0, prefixBytes), file.length, fail);
  const header = file.subarray(prefixBytes, data);
  const { tensors } = parseHeader<Dtype>(header, bytesPerElement, fail);
  return tensors.map(({ name, dtype, shape, begin, end }) => {
    if (data + end > file.length) throw broken(path, 'it is cut short');
    return { name, shape, data: toFloats(dtype, file.subarray(data + begin, data + end)) };
  });
}

interface ManifestWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: unknown;
}

async function readLayersModel(path: string): Promise<SourceTensor[]> {
  const model: unknown = JSON.parse(await readFile(path, 'utf8'));
  const manifest = isPlainObject(model) ? model.weightsManifest : undefined;
  if (!Array.isArray(manifest)) {
    throw broken(
      path,
      'it has no "weightsManifest"; expected the model.json of a tfjs LayersModel',
    );
  }
  const found: SourceTensor[] = [];
  for (const group of manifest as { paths: string[]; weights: ManifestWeight[] }[]) {
    const parts = await Promise.all(group.paths.map((name) => readFile(join(dirname(path), name))));
    const bytes = Buffer.concat(parts);
    let at = 0;
    for (const { name, shape, dtype, quantization } of group.weights) {
      const type = ({ float32: 'F32', int32: 'I32', bool: 'BOOL' } as const)[dtype];
      if (type === undefined || quantization !== undefined) {
        throw broken(
          path,
          `weight "${name}" is ${quantization === undefined ? dtype : 'quantized'}`,
        );
      }
      const size = shape.reduce((product, length) => product * length, bytesPerElement[type]);
      if (at + size > bytes.length) throw broken(path, 'its binary files are cut short');
      found.push({ name, shape, data: toFloats(type, bytes.subarray(at, at + size)) });
      at += size;
    }
  }
  return found;
}

function toFloats(dtype: Dtype, bytes: Buffer): Float32Array {
  const width = bytesPerElement[dtype];
  const read: Record<Dtype, (at: number) => number> = {
    F64: (at) => bytes.readDoubleLE(at),
    F32: (at) => bytes.readFloatLE(at),
    F16: (at) => fromHalf(bytes.readUInt16LE(at)),
    BF16: (at) => fromBits(bytes.readUInt16LE(at) << 16),
    I64: (at) => Number(bytes.readBigInt64LE(at)),
    I32: (at) => bytes.readInt32LE(at),
    U8: (at) => bytes[at],
    BOOL: (at) => bytes[at],
  };
  // A copy: views of Node's buffers may start anywhere, typed arrays may not.
  if (dtype === 'F32') return new Float32Array(Uint8Array.from(bytes).buffer);
  return Float32Array.from({ length: bytes.length / width }, (_, index) =>
    read[dtype](index * width),
  );
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function fromBits(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0];
}

function broken(path: string, detail: string, cause?: unknown): UsageError {
  return new UsageError(
    'ERR_WEIGHTS_FILE',
    `${path} cannot be read as weights: ${detail}. Expected a safetensors file, or the model.json ` +
      'of a tfjs LayersModel with float32 weights beside it.',
    { cause },
  );
}
