import { LightboxError } from '../../errors.ts';
import { assemble } from './assembler.ts';
import { aside, elementwiseFunctions, type Elementwise } from './elementwise.ts';
import { allFiniteFunction, sumOfSquaresFunction } from './reductions.ts';
import { adam, adamw, rmsprop, sgd, sgdMomentum } from './updateRules.ts';
import { webAssembly, type WasmMemory, type WasmModule } from './webAssembly.ts';
import { axpy, clampValue, copy, fill, scale } from './vectorRules.ts';

/** The SIMD kernels over one memory. All arrays are float32 views of that memory. */
export class Kernels {
  readonly memory: WasmMemory;
  readonly #exports: KernelExports;

  constructor(memory: WasmMemory) {
    this.memory = memory;
    compiled ??= new webAssembly.Module(assemble(functions()));
    const instance = new webAssembly.Instance(compiled, { env: { memory } });
    this.#exports = instance.exports as KernelExports;
  }

  /**
   * Runs a loop of `updateRules.ts` or `vectorRules.ts` over arrays of equal length, in place.
   * @param targets where new state is written instead; default in place as well
   * @throws LightboxError ERR_WASM_VIEW for views of other memory or of unequal lengths
   */
  run<A extends string, S extends string>(
    kernel: Elementwise<A, S>,
    arrays: Readonly<Partial<Record<A, Float32Array>>>,
    scalars: Readonly<Record<S, number>>,
    targets?: Readonly<Partial<Record<A, Float32Array>>>,
  ): void {
    const views = kernel.arrays.map((name) => this.#checked(arrays[name], kernel.name, name));
    if (targets !== undefined) {
      for (const name of kernel.state ?? []) {
        views.push(this.#checked(targets[name], kernel.name, name));
      }
    }
    const { length } = views[0];
    if (views.some((view) => view.length !== length)) {
      throw new LightboxError(
        'ERR_WASM_VIEW',
        `Kernel ${kernel.name}: expected arrays of equal length, got ` +
          `${views.map((view) => String(view.length)).join(', ')}.`,
      );
    }
    this.#exports[targets === undefined ? kernel.name : aside(kernel.name)](
      ...views.map((view) => view.byteOffset),
      length,
      ...kernel.scalars.map((name) => scalars[name]),
    );
  }

  /** Sum of squares, accumulated in double precision; equal input gives equal bits. */
  sumOfSquares(x: Float32Array): number {
    const view = this.#checked(x, 'sumOfSquares', 'x');
    return this.#exports.sumOfSquares(view.byteOffset, view.length);
  }

  /** False when any element is NaN or infinite. */
  allFinite(x: Float32Array): boolean {
    const view = this.#checked(x, 'allFinite', 'x');
    return this.#exports.allFinite(view.byteOffset, view.length) === 1;
  }

  #checked(view: Float32Array | undefined, kernel: string, name: string): Float32Array {
    if (view !== undefined && view.buffer === this.memory.buffer) return view;
    throw new LightboxError(
      'ERR_WASM_VIEW',
      `Kernel ${kernel}: expected "${name}" to be a view of the kernels' memory.`,
    );
  }
}

// Compiled once for all memories: about a millisecond.
let compiled: WasmModule | undefined;

type KernelExports = Record<string, (...values: number[]) => number>;

function functions(): Parameters<typeof assemble>[0] {
  const onOff = [false, true];
  return [
    ...[adam, adamw].flatMap((rule) => elementwiseFunctions(rule)),
    ...elementwiseFunctions(sgd),
    ...elementwiseFunctions(sgdMomentum),
    ...onOff.flatMap((centered) =>
      onOff.flatMap((momentum) => elementwiseFunctions(rmsprop({ centered, momentum }))),
    ),
    ...elementwiseFunctions(scale),
    ...elementwiseFunctions(axpy),
    ...elementwiseFunctions(clampValue),
    ...elementwiseFunctions(fill),
    ...elementwiseFunctions(copy),
    sumOfSquaresFunction(),
    allFiniteFunction(),
  ];
}
