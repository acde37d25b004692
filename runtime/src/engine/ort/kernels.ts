import * as tf from '@tensorflow/tfjs-core';
import { LOWERINGS } from '../lowerings/index.ts';
import type { Lowering } from '../lowerings/lowering.ts';
import type { OrtBackend } from './backend.ts';
import { isNumeric } from './entry.ts';
import type { Values } from './entry.ts';
import { runCpuKernel } from './fallback.ts';
import type { CpuInput, CpuTensor } from './fallback.ts';
import type { Use } from './graphNode.ts';
import type { StructuralCall } from './structuralKernels.ts';
import { STRUCTURAL_KERNELS } from './structuralKernels.ts';

interface Call {
  inputs: tf.NamedTensorInfoMap;
  backend: unknown;
  attrs?: tf.NamedAttrMap;
}

/** Registers every kernel that the `cpu` back end has, and those that only graphs have. */
export function registerKernels(): void {
  const lowerings = new Map(LOWERINGS.map((lowering) => [lowering.kernel, lowering]));
  const names = tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName);
  for (const kernelName of new Set([...names, ...lowerings.keys()])) {
    const kernelFunc = kernelFor(kernelName, lowerings.get(kernelName));
    tf.registerKernel({ kernelName, backendName: 'ort', kernelFunc });
  }
}

function kernelFor(name: string, lowering: Lowering | undefined): tf.KernelFunc {
  const structural = STRUCTURAL_KERNELS[name];
  if (structural !== undefined) {
    return (call) => structural(call as StructuralCall, (again) => dispatch(name, lowering, again));
  }
  return (call) => dispatch(name, lowering, call);
}

function dispatch(
  name: string,
  lowering: Lowering | undefined,
  call: Call,
): tf.TensorInfo | tf.TensorInfo[] {
  const backend = call.backend as OrtBackend;
  const attrs = call.attrs ?? {};
  const recorded = lowering === undefined ? null : tryRecord(backend, lowering, call.inputs, attrs);
  return recorded ?? fallBack(backend, name, call.inputs, attrs);
}

function tryRecord(
  backend: OrtBackend,
  lowering: Lowering,
  inputs: tf.NamedTensorInfoMap,
  attrs: object,
): tf.TensorInfo | tf.TensorInfo[] | null {
  const infos =
    lowering.inputs === 'list'
      ? Object.values(inputs)
      : lowering.inputs.map((name) => inputs[name]);
  const uses: (Use | null)[] = [];
  for (const info of infos) {
    if (info === undefined || info === null) {
      uses.push(null);
      continue;
    }
    const { dataId, shape, dtype } = info;
    // ONNX Runtime's kernels disagree on tensors without elements; the cpu code does not.
    if (!isNumeric(dtype) || shape.includes(0)) return null;
    uses.push({ entry: backend.entryOf(dataId), shape, dtype });
  }
  const specs = lowering.infer(
    uses.filter((use) => use !== null),
    attrs,
  );
  if (specs === null || specs.some(({ shape }) => shape.includes(0))) return null;
  const outputs = backend.record(lowering, uses, attrs, specs);
  return outputs.length === 1 && lowering.many !== true ? outputs[0] : outputs;
}

function fallBack(
  backend: OrtBackend,
  name: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: object,
): tf.TensorInfo | tf.TensorInfo[] {
  const isList = Array.isArray(inputs);
  // Kernels without inputs make constants.
  if (Object.keys(inputs).length > 0) backend.observer?.fellBack(name);
  const tensors = Object.entries(inputs).map(
    ([key, info]) => [key, inputToCpu(backend, info)] as const,
  );
  const results = runCpuKernel(
    name,
    isList ? tensors.map(([, tensor]) => tensor) : Object.fromEntries(tensors),
    attrs,
  );
  const shared = new Set(tensors.flatMap(([, tensor]) => tensor).map((tensor) => tensor?.values));
  return Array.isArray(results)
    ? results.map((result) => fromCpu(backend, result, shared))
    : fromCpu(backend, results, shared);
}

function inputToCpu(backend: OrtBackend, info: tf.TensorInfo | null | undefined): CpuInput {
  const list: unknown = info;
  if (!Array.isArray(list)) return toCpu(backend, info);
  return (list as tf.TensorInfo[]).map((item) => toCpu(backend, item));
}

function toCpu(backend: OrtBackend, info: tf.TensorInfo | null | undefined): CpuTensor | null {
  return info === undefined || info === null ? null : tensorToCpu(backend, info);
}

function tensorToCpu(backend: OrtBackend, info: tf.TensorInfo): CpuTensor {
  const { dataId, shape, dtype } = info;
  const entry = backend.entryOf(dataId);
  if (entry.complex !== null) {
    const real = tensorToCpu(backend, { ...entry.complex.real, shape });
    const imag = tensorToCpu(backend, { ...entry.complex.imag, shape });
    return { shape, dtype, values: [], parts: { real, imag } };
  }
  return { shape, dtype, values: backend.readSync(dataId) };
}

function fromCpu(
  backend: OrtBackend,
  tensor: CpuTensor,
  shared: ReadonlySet<tf.BackendValues | undefined>,
): tf.TensorInfo {
  const { shape, dtype, values, parts } = tensor;
  if (parts !== undefined) {
    const real = fromCpu(backend, parts.real, shared);
    const imag = fromCpu(backend, parts.imag, shared);
    return { dataId: backend.writeComplex(shape, real, imag), shape, dtype };
  }
  // An input's array must not become the storage of a second tensor: parameters change in place.
  const own = shared.has(values) && isNumeric(dtype) ? (values as Values).slice() : values;
  return { dataId: backend.write(own, shape, dtype), shape, dtype };
}
