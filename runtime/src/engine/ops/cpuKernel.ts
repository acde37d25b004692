import * as tf from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

/** A float32 tensor as a kernel on the processor sees it. */
export interface HostValues {
  readonly shape: number[];
  readonly values: Float32Array;
}

/** Registers a kernel of float32 tensors for tfjs's `cpu` back end, from plain JavaScript. */
export function registerOnCpu(
  kernelName: string,
  compute: (inputs: Record<string, HostValues>, attrs: never) => HostValues[],
): void {
  if (known.has(kernelName)) return;
  known.add(kernelName);
  tf.registerKernel({
    kernelName,
    backendName: 'cpu',
    kernelFunc({ inputs, backend, attrs }) {
      const cpu = backend as CpuBackend;
      const read = Object.entries(inputs as Infos).map(([name, info]): [string, HostValues] => [
        name,
        { shape: info.shape, values: cpu.readSync(info.dataId) as Float32Array },
      ]);
      const outputs = compute(Object.fromEntries(read), attrs as never);
      const infos = outputs.map(({ shape, values }) =>
        cpu.makeTensorInfo(shape, 'float32', values),
      );
      return infos.length === 1 ? infos[0] : infos;
    },
  });
}

type CpuBackend = Pick<MathBackendCPU, 'readSync' | 'makeTensorInfo'>;

/** These kernels have no optional inputs. */
type Infos = Record<string, tf.TensorInfo>;

const known = new Set<string>();
