import { TestEnvironment } from 'jest-environment-node';

/**
 * A jest environment in which onnxruntime works: jest-environment-node with the outer realm's
 * buffers. Jest runs each test file in a realm of its own, whose `Float32Array` is not the one
 * that the native binding creates and checks for, so every session run would be refused.
 *
 * In a jest configuration: `testEnvironment: 'lightbox-runtime/jest-environment'`.
 */
export default class SharedBuffersEnvironment extends TestEnvironment {
  constructor(...environment: ConstructorParameters<typeof TestEnvironment>) {
    super(...environment);
    for (const name of sharedGlobals) {
      Object.defineProperty(this.global, name, {
        configurable: true,
        enumerable: false,
        writable: true,
        value: Reflect.get(globalThis, name),
      });
    }
  }
}

// WebAssembly too: the buffer of its Memory is of the realm that the namespace came from.
const sharedGlobals = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Buffer',
  'WebAssembly',
] as const;
