import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { didYouMean, UsageError } from '../errors.ts';
import { silenceCpuBackend } from './ort/fallback.ts';
import { registerOrt } from './ort/register.ts';

/** Names accepted by `selectBackend`. */
export type Accelerator = 'auto' | 'ort' | 'cpu' | 'wasm';

export interface BackendOptions {
  /** Default `auto`: the `ort` back end on the CPU. */
  readonly accelerator?: string;
  /** Threads of each session; default all cores. `cpu` always uses one. */
  readonly threads?: number;
  /**
   * Let waiting threads spin: sooner at work, but busy meanwhile. Default `auto`: only those of the
   * session that runs again and again.
   */
  readonly spinning?: boolean | 'auto';
}

export interface BackendInfo {
  /** tfjs's name of the active back end. */
  readonly name: string;
  readonly accelerator: string;
  readonly device: 'cpu';
  readonly threads: number;
  /** Why this one, for `doctor` and the run's first line. */
  readonly reason: string;
}

const KNOWN = ['auto', 'ort', 'cpu', 'wasm'];

const REFUSED: Record<string, string> = {
  webgpu: 'graphs are not run on WebGPU yet',
  cuda: 'graphs are not run on CUDA yet',
  'ort-webgpu': 'graphs are not run on WebGPU yet',
  'ort-cuda': 'graphs are not run on CUDA yet',
  'tfjs-node': 'its library is frozen at TensorFlow 2.9 and slower than ort on the CPU',
  'tfjs-node-gpu': 'its library is frozen at TensorFlow 2.9 and often cannot be installed',
};

/**
 * Makes a tfjs back end the active one; repeatable.
 *
 * @throws UsageError `ERR_ENGINE_ACCELERATOR` for an unknown or refused name,
 * `ERR_ENGINE_THREADS` for a bad thread count, `ERR_ENGINE_NOT_INSTALLED` for a missing peer
 */
export async function selectBackend(options: BackendOptions = {}): Promise<BackendInfo> {
  const accelerator = options.accelerator ?? 'auto';
  checkName(accelerator);
  const threads = checkThreads(options.threads);
  if (accelerator === 'cpu') {
    await activate('cpu');
    silenceCpuBackend(tf.backend());
    return {
      name: 'cpu',
      accelerator,
      device: 'cpu',
      threads: 1,
      reason: 'named; plain JavaScript',
    };
  }
  if (accelerator === 'wasm') {
    await loadWasm(threads);
    return { name: 'wasm', accelerator, device: 'cpu', threads, reason: 'named' };
  }
  registerOrt({ threads, spinning: options.spinning ?? 'auto' });
  await activate('ort');
  const reason = accelerator === 'auto' ? 'auto: ONNX Runtime on the CPU' : 'named';
  return { name: 'ort', accelerator, device: 'cpu', threads, reason };
}

function checkName(accelerator: string): void {
  if (KNOWN.includes(accelerator)) return;
  const why = REFUSED[accelerator];
  const list = KNOWN.join(', ');
  throw new UsageError(
    'ERR_ENGINE_ACCELERATOR',
    why === undefined
      ? `accelerator: expected one of ${list}, got "${accelerator}".${didYouMean(accelerator, KNOWN)}`
      : `accelerator "${accelerator}" is not available: ${why}. Use "auto" (ONNX Runtime on the CPU) or one of ${list}.`,
  );
}

function checkThreads(threads = availableParallelism()): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads;
  throw new UsageError(
    'ERR_ENGINE_THREADS',
    `threads: expected an integer from 1 to 1024, got ${threads}. Leave it out to use all cores.`,
  );
}

async function loadWasm(threads: number): Promise<void> {
  try {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setThreadsCount(threads);
  } catch (cause) {
    throw new UsageError(
      'ERR_ENGINE_NOT_INSTALLED',
      'accelerator "wasm" needs a package that is not installed. Run: npm install @tensorflow/tfjs-backend-wasm@4.22.0',
      { cause },
    );
  }
  await activate('wasm');
}

async function activate(name: string): Promise<void> {
  if (await tf.setBackend(name)) return;
  throw new UsageError(
    'ERR_ENGINE_START',
    `accelerator "${name}" could not be started on this machine. Use accelerator "cpu", and run the doctor command for details.`,
  );
}
