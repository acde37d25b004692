import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { didYouMean, UsageError } from '../errors.ts';
import {
  acceleratorNames,
  deviceRemedies,
  isAccelerator,
  otherNames,
} from './devices/accelerators.ts';
import type { Accelerator, DeviceProvider } from './devices/accelerators.ts';
import { autoDevice } from './devices/autoDevice.ts';
import { loadPeer } from './devices/peers.ts';
import type { Peer } from './devices/peers.ts';
import { probeDevice } from './devices/probe.ts';
import type { Provider } from './ort/binding.ts';
import { silenceCpuBackend } from './ort/fallback.ts';
import { registerOrt } from './ort/register.ts';

export interface BackendOptions {
  /**
   * Default `auto`: the `ort` back end, on the CPU unless a hardware device answers and is clearly
   * faster. See `Accelerator` for the names.
   */
  readonly accelerator?: string;
  /** Threads of each session; default all cores. `cpu` always uses one. */
  readonly threads?: number;
  /** Let waiting threads spin: rarely sooner at work, and busy meanwhile. Default false. */
  readonly spinning?: boolean;
}

export interface BackendInfo {
  /** tfjs's name of the active back end. */
  readonly name: string;
  readonly accelerator: Accelerator;
  /** Where the numbers are computed: `cpu`, or the device by its provider's name. */
  readonly device: Provider;
  readonly threads: number;
  /** Why this one, for `doctor` and the run's first line. */
  readonly reason: string;
}

/**
 * Makes a tfjs back end the active one; repeatable. A device that is named is tried out first.
 *
 * @throws UsageError `ERR_ENGINE_ACCELERATOR` for an unknown name, `ERR_ENGINE_DEVICE` for a device
 * that does not answer, `ERR_ENGINE_THREADS` for a bad thread count, `ERR_ENGINE_NOT_INSTALLED` for
 * a missing peer, `ERR_ENGINE_START` for a back end that does not start
 */
export async function selectBackend(options: BackendOptions = {}): Promise<BackendInfo> {
  const accelerator = checkName(options.accelerator ?? 'auto');
  const threads = checkThreads(options.threads);
  const spinning = options.spinning ?? false;
  switch (accelerator) {
    case 'cpu':
      await activate('cpu', accelerator);
      silenceCpuBackend(tf.backend());
      return cpuInfo('cpu', accelerator, 1, 'named; plain JavaScript');
    case 'wasm':
    case 'tfjs-node':
    case 'tfjs-node-gpu':
      return selectPeer(accelerator, threads);
    case 'auto': {
      const { provider, reason } = autoDevice(threads);
      return selectOrt({ accelerator, provider, threads, spinning, reason });
    }
    case 'ort':
      return selectOrt({ accelerator, provider: 'cpu', threads, spinning, reason: 'named' });
    case 'webgpu':
    case 'cuda':
    case 'tensorrt':
    case 'dml':
    case 'coreml':
      requireDevice(accelerator);
      return selectOrt({ accelerator, provider: accelerator, threads, spinning, reason: 'named' });
  }
}

interface OrtChoice {
  readonly accelerator: Accelerator;
  readonly provider: Provider;
  readonly threads: number;
  readonly spinning: boolean;
  readonly reason: string;
}

async function selectOrt(choice: OrtChoice): Promise<BackendInfo> {
  const { accelerator, provider, threads, spinning, reason } = choice;
  registerOrt({ threads, spinning, provider });
  await activate('ort', accelerator);
  return { name: 'ort', accelerator, device: provider, threads, reason };
}

async function selectPeer(accelerator: Peer, threads: number): Promise<BackendInfo> {
  const name = await loadPeer(accelerator, threads);
  await activate(name, accelerator);
  return cpuInfo(name, accelerator, threads, 'named');
}

function cpuInfo(
  name: string,
  accelerator: Accelerator,
  threads: number,
  reason: string,
): BackendInfo {
  const device = accelerator === 'tfjs-node-gpu' ? 'cuda' : 'cpu';
  return { name, accelerator, device, threads, reason };
}

function requireDevice(accelerator: DeviceProvider): void {
  const refusal = probeDevice(accelerator);
  if (refusal === null) return;
  throw new UsageError(
    'ERR_ENGINE_DEVICE',
    `accelerator "${accelerator}" does not answer: ${refusal}. ${deviceRemedies[accelerator]}. ` +
      'Or use "auto" (ONNX Runtime on the CPU); the doctor command tells what there is.',
  );
}

function checkName(accelerator: string): Accelerator {
  if (isAccelerator(accelerator)) return accelerator;
  const other = otherNames[accelerator.toLowerCase()];
  const hint = other === undefined ? didYouMean(accelerator, acceleratorNames) : ` Here, ${other}.`;
  throw new UsageError(
    'ERR_ENGINE_ACCELERATOR',
    `accelerator: expected one of ${acceleratorNames.join(', ')}, got "${accelerator}".${hint}`,
  );
}

function checkThreads(threads = availableParallelism()): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads;
  throw new UsageError(
    'ERR_ENGINE_THREADS',
    `threads: expected an integer from 1 to 1024, got ${threads}. Leave it out to use all cores.`,
  );
}

async function activate(name: string, accelerator: Accelerator): Promise<void> {
  if (await tf.setBackend(name)) return;
  throw new UsageError(
    'ERR_ENGINE_START',
    `accelerator "${accelerator}" could not be started on this machine. Use accelerator "auto", and run the doctor command for details.`,
  );
}
