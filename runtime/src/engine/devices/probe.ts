import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { arch, env, platform } from 'node:process';
import { messageOf } from '../../errors.ts';
import { encodeModel } from '../onnx/encodeModel.ts';
import { GraphBuilder } from '../onnx/graphBuilder.ts';
import { compiledProviders, createSession } from '../ort/binding.ts';
import type { Provider } from '../ort/binding.ts';
import type { DeviceProvider } from './accelerators.ts';

/** `null`: the device computes. Otherwise why it does not. */
export type Refusal = string | null;

const SIZE = 64;
/** Products of 32-bit floats are right to 1e-7; those of TF32, 16 bits and less are not. */
const TOLERANCE = 1e-5;
const known = new Map<DeviceProvider, Refusal>();

/**
 * Whether a device answers: creates a tiny session on it, runs a product and compares the result.
 * The answer holds for the life of the process.
 */
export function probeDevice(provider: DeviceProvider): Refusal {
  const earlier = known.get(provider);
  if (earlier !== undefined) return earlier;
  const refusal = missingPart(provider) ?? tryProduct(provider);
  known.set(provider, refusal);
  return refusal;
}

/** What can be seen to be missing without loading anything, which prints on stderr if it fails. */
function missingPart(provider: DeviceProvider): Refusal {
  const found = compiledProviders().find(({ name }) => name === provider);
  if (found === undefined) {
    return `ONNX Runtime for ${platform} ${arch} is built without it`;
  }
  if (found.bundled || platform !== 'linux') return null;
  const library = `libonnxruntime_providers_${provider}.so`;
  if (existsSync(join(libraryFolder(), library))) return null;
  return `${library} is not beside ONNX Runtime's own library`;
}

function libraryFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', platform, arch);
}

function tryProduct(provider: DeviceProvider): Refusal {
  // NVIDIA's libraries round the operands of products to 11 bits unless this is set before they
  // are loaded.
  if (provider === 'cuda' || provider === 'tensorrt') env.NVIDIA_TF32_OVERRIDE ??= '0';
  try {
    const error = productError(provider);
    if (error <= TOLERANCE) return null;
    return `its products are wrong by ${error.toExponential(1)} where 32-bit floats allow ${String(TOLERANCE)}: it computes in fewer bits, or its driver is broken`;
  } catch (error) {
    return firstLine(messageOf(error));
  }
}

/** Largest relative error of rows whose digits need all 24 bits, times the identity. */
function productError(provider: Provider): number {
  const graph = new GraphBuilder();
  const shape = [SIZE, SIZE];
  const a = graph.input('a', 'float32', shape);
  const b = graph.input('b', 'float32', shape);
  const model = encodeModel(
    graph.finish([{ name: 'y', value: graph.op('MatMul', [a, b], shape) }]),
  );
  const length = SIZE * SIZE;
  const rows = Float32Array.from({ length }, (_, index) => 1 + index * 2 ** -22);
  const identity = Float32Array.from({ length }, (_, index) => Number(index % (SIZE + 1) === 0));
  const y = new Float32Array(length);
  const tensor = (data: Float32Array) =>
    ({ type: 'float32', location: 'cpu', dims: shape, data }) as const;
  const session = createSession(model, { threads: 1, spinning: false, provider });
  try {
    session.run({ a: tensor(rows), b: tensor(identity) }, { y: tensor(y) });
  } finally {
    session.dispose();
  }
  return rows.reduce((worst, row, index) => {
    const error = Math.abs(y[index] - row) / row;
    // NaN is the worst of all.
    return error <= worst ? worst : Number.isNaN(error) ? Infinity : error;
  }, 0);
}

/** ONNX Runtime's messages begin with source lines; what happened comes last. */
function firstLine(message: string): string {
  const [line = ''] = message.trim().split('\n');
  const cut = line.lastIndexOf(' was false. ');
  return cut < 0 ? line.slice(0, 300) : line.slice(cut + ' was false. '.length);
}
