import type { Provider } from '../ort/binding.ts';

/** Names accepted by `selectBackend`. */
export type Accelerator =
  | 'auto'
  | 'ort'
  | 'cpu'
  | 'wasm'
  | 'webgpu'
  | 'cuda'
  | 'tensorrt'
  | 'dml'
  | 'coreml'
  | 'tfjs-node'
  | 'tfjs-node-gpu';

/** A provider other than the processor's. */
export type DeviceProvider = Exclude<Provider, 'cpu'>;

export const acceleratorNames: readonly Accelerator[] = [
  'auto',
  'ort',
  'webgpu',
  'cuda',
  'tensorrt',
  'dml',
  'coreml',
  'wasm',
  'cpu',
  'tfjs-node',
  'tfjs-node-gpu',
];

/** Devices that ONNX Runtime can run the recorded graphs on, and how to make them answer. */
export const deviceRemedies: Readonly<Record<DeviceProvider, string>> = {
  webgpu:
    'It needs a graphics driver with Vulkan (Linux x64), Metal (Mac) or Direct3D 12 (Windows). ' +
    'On Linux install the loader and the driver (Debian: apt-get install libvulkan1 mesa-vulkan-drivers), ' +
    'and name the driver with VK_ICD_FILENAMES=/path/to/icd.json if it is not found',
  cuda:
    'It needs Linux x64, an NVIDIA driver, CUDA 12 with cuDNN 9 on LD_LIBRARY_PATH, and files that ' +
    'ONNX Runtime downloads when asked: ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js',
  tensorrt:
    'It needs what cuda needs, and TensorRT 10 on LD_LIBRARY_PATH: ' +
    'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js',
  dml: 'It needs Windows 10 or newer and a graphics card with Direct3D 12',
  coreml: 'It needs a Mac; "webgpu" uses the same graphics card in full precision',
};

/** Names of other frameworks, and what they are called here. */
export const otherNames: Readonly<Record<string, string>> = {
  gpu: 'name the kind of device: "webgpu" (any graphics card) or "cuda" (NVIDIA)',
  mps: 'on a Mac use "webgpu", which runs on Metal',
  metal: 'on a Mac use "webgpu", which runs on Metal',
  directml: 'it is called "dml"',
  trt: 'it is called "tensorrt"',
  node: 'it is called "tfjs-node"',
  webgl: 'browsers only; use "webgpu"',
  tpu: 'nothing here runs on TPUs',
  hpu: 'nothing here runs on HPUs',
  ipu: 'nothing here runs on IPUs',
  xpu: 'use "webgpu" for graphics cards by Intel',
  'ort-webgpu': 'it is called "webgpu"',
  'ort-cuda': 'it is called "cuda"',
};

export function isDevice(name: string): name is DeviceProvider {
  return Object.hasOwn(deviceRemedies, name);
}

export function isAccelerator(name: string): name is Accelerator {
  return (acceleratorNames as readonly string[]).includes(name);
}
