import * as tf from '@tensorflow/tfjs-core';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { countFallback } from '../counters.ts';
import { notify } from '../notices.ts';

/** A tensor outside any back end, as kernels of the `cpu` back end take and give it. */
export interface CpuTensor {
  readonly shape: number[];
  readonly dtype: tf.DataType;
  readonly values: tf.BackendValues;
  /** Present for complex64, whose `values` are then unused. */
  readonly parts?: { readonly real: CpuTensor; readonly imag: CpuTensor };
}

/** An input of a kernel: ragged kernels take lists of tensors under one name. */
export type CpuInput = CpuTensor | null | readonly (CpuTensor | null)[];

type Inputs = Record<string, CpuInput> | readonly CpuInput[];

/** Kernels that make small values out of attributes alone: not worth a word. */
const HOST_KERNELS = new Set(['Range', 'LinSpace', 'Multinomial']);

const cpu = quietCpuBackend();

/**
 * Runs a kernel of the `cpu` back end on plain arrays and counts it as a fallback.
 *
 * @returns a list if the kernel gives one, even of one tensor
 */
export function runCpuKernel(
  kernel: string,
  inputs: Inputs,
  attrs: object,
): CpuTensor | CpuTensor[] {
  const config = tf.getKernel(kernel, 'cpu');
  if (config === undefined || config === null) {
    throw new Error(`Kernel '${kernel}' exists neither for 'ort' nor for 'cpu'.`);
  }
  if (!HOST_KERNELS.has(kernel)) report(kernel);
  const infos = Array.isArray(inputs)
    ? inputs.map(loadInput)
    : Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, loadInput(tensor)]));
  const outputs = config.kernelFunc({
    inputs: infos as unknown as tf.NamedTensorInfoMap,
    backend: cpu,
    attrs: attrs as tf.NamedAttrMap,
  });
  const list = Array.isArray(outputs) ? outputs : [outputs];
  const results = list.map(unload);
  for (const info of [...list, ...Object.values(infos).flat()]) {
    if (info !== undefined) cpu.disposeData(info.dataId);
  }
  return Array.isArray(outputs) ? results : results[0];
}

function report(kernel: string): void {
  countFallback(kernel);
  notify({
    kind: 'fallback',
    subject: kernel,
    message: `Kernel ${kernel} has no ONNX form for these inputs and runs in JavaScript.`,
  });
}

function loadInput(input: CpuInput): tf.TensorInfo | (tf.TensorInfo | undefined)[] | undefined {
  return Array.isArray(input) ? input.map(load) : load(input as CpuTensor | null);
}

function load(tensor: CpuTensor | null): tf.TensorInfo | undefined {
  return tensor === null ? undefined : loadTensor(tensor);
}

function loadTensor(tensor: CpuTensor): tf.TensorInfo {
  const { shape, dtype, values, parts } = tensor;
  if (parts !== undefined) {
    const real = loadTensor(parts.real);
    const imag = loadTensor(parts.imag);
    const info = cpu.makeTensorInfo(shape, 'complex64');
    cpu.data.get(info.dataId).complexTensorInfos = { real, imag };
    return info;
  }
  const info = { dataId: cpu.write(values, shape, dtype), shape, dtype };
  // Some of these kernels were written for tensors, which know their rank and size.
  return Object.assign(info, { rank: shape.length, size: tf.util.sizeFromShape(shape) });
}

function unload({ dataId, shape, dtype }: tf.TensorInfo): CpuTensor {
  const { values, complexTensorInfos } = cpu.data.get(dataId);
  if (complexTensorInfos === undefined || complexTensorInfos === null) {
    return { shape, dtype, values: values ?? [] };
  }
  const { real, imag } = complexTensorInfos;
  return { shape, dtype, values: [], parts: { real: unload(real), imag: unload(imag) } };
}

function quietCpuBackend(): MathBackendCPU {
  const backend = new MathBackendCPU();
  silenceCpuBackend(backend);
  return backend;
}

/** Keeps tfjs's `cpu` back end from recommending tfjs-node on the console at its first write. */
export function silenceCpuBackend(backend: tf.KernelBackend): void {
  (backend as tf.KernelBackend & { firstUse: boolean }).firstUse = false;
}
