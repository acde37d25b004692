/**
 * The part of the global `WebAssembly` that is used here. Node has it, but its types come only
 * with the DOM library, which nothing else needs.
 */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

interface WebAssemblyNamespace {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: object };
}

/** A compiled module; opaque. */
export interface WasmModule {
  readonly wasmModule?: never;
}

export const webAssembly = Reflect.get(globalThis, 'WebAssembly') as WebAssemblyNamespace;

/** Bytes of one page, the unit of memory sizes. */
export const pageBytes = 65_536;
