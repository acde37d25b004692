import { wasm, type Code, type ValueType, type WasmFunction } from './assembler.ts';

/**
 * A loop over arrays of equal length, described once: the same `body` becomes four lanes at a
 * time and, for the up to three elements left over, one at a time.
 */
export interface Elementwise<ArrayName extends string, ScalarName extends string> {
  readonly name: string;
  readonly arrays: readonly ArrayName[];
  readonly scalars: readonly ScalarName[];
  /** Arrays of which all is written, after it was read: they can be written elsewhere, see `aside`. */
  readonly state?: readonly ArrayName[];
  readonly body: (x: Lanes<ArrayName, ScalarName>) => readonly Code[];
}

/** The vocabulary of a body, for either width. */
export interface Lanes<ArrayName extends string, ScalarName extends string> {
  load(array: ArrayName): Code;
  store(array: ArrayName, value: Code): Code;
  scalar(name: ScalarName): Code;
  /** Keeps a value in one of four temporaries, 0 .. 3. */
  keep(temporary: number, value: Code): Code;
  kept(temporary: number): Code;
  add(a: Code, b: Code): Code;
  sub(a: Code, b: Code): Code;
  mul(a: Code, b: Code): Code;
  div(a: Code, b: Code): Code;
  min(a: Code, b: Code): Code;
  max(a: Code, b: Code): Code;
  sqrt(a: Code): Code;
}

const temporaries = 4;

/** Name of the function that writes the new state elsewhere. */
export function aside(name: string): string {
  return `${name}Aside`;
}

/** The functions of a description: in place, and where it has state, one that writes it elsewhere. */
export function elementwiseFunctions<A extends string, S extends string>(
  kernel: Elementwise<A, S>,
): WasmFunction[] {
  const { name, state } = kernel;
  const inPlace = elementwiseFunction(kernel, name, []);
  if (state === undefined) return [inPlace];
  return [inPlace, elementwiseFunction(kernel, aside(name), state)];
}

/**
 * Parameters: a byte address per array, then one where each of `elsewhere` is to be written, the
 * number of elements, then the scalars as f32.
 */
function elementwiseFunction<A extends string, S extends string>(
  kernel: Elementwise<A, S>,
  name: string,
  elsewhere: readonly A[],
): WasmFunction {
  const { scalars } = kernel;
  const arrays = [...kernel.arrays, ...elsewhere];
  const targetOf = (array: A): number => arrays.lastIndexOf(array);
  const count = arrays.length;
  const firstScalar = count + 1;
  const end = firstScalar + scalars.length;
  const firstSplat = end + 1;
  const firstWide = firstSplat + scalars.length;
  const firstNarrow = firstWide + temporaries;

  const pass = (stride: number, elements: Code, x: Lanes<A, S>): Code => [
    ...wasm.set(end, wasm.i32Add(wasm.get(0), wasm.i32ShiftLeft(elements, wasm.i32(2)))),
    ...wasm.until(wasm.get(0), wasm.get(end), [
      ...kernel.body(x).flat(),
      ...arrays.flatMap((_, index) =>
        wasm.set(index, wasm.i32Add(wasm.get(index), wasm.i32(stride))),
      ),
    ]),
  ];
  const lanes = (
    ops: Omit<Lanes<A, S>, 'load' | 'store' | 'scalar' | 'keep' | 'kept'> & MemoryOps,
    scalarBase: number,
    temporaryBase: number,
  ): Lanes<A, S> => ({
    ...ops,
    load: (array) => ops.load(wasm.get(arrays.indexOf(array))),
    store: (array, value) => ops.store(wasm.get(targetOf(array)), value),
    scalar: (name) => wasm.get(scalarBase + scalars.indexOf(name)),
    keep: (temporary, value) => wasm.set(temporaryBase + temporary, value),
    kept: (temporary) => wasm.get(temporaryBase + temporary),
  });

  const repeat = (type: ValueType, times: number): ValueType[] =>
    Array.from({ length: times }, () => type);
  return {
    name,
    parameters: [...repeat('i32', arrays.length + 1), ...repeat('f32', scalars.length)],
    locals: ['i32', ...repeat('v128', scalars.length + temporaries), ...repeat('f32', temporaries)],
    body: [
      ...scalars.flatMap((_, index) =>
        wasm.set(firstSplat + index, wasm.f32x4.splat(wasm.get(firstScalar + index))),
      ),
      ...pass(
        16,
        wasm.i32And(wasm.get(count), wasm.i32(-4)),
        lanes(wasm.f32x4, firstSplat, firstWide),
      ),
      ...pass(
        4,
        wasm.i32And(wasm.get(count), wasm.i32(3)),
        lanes(wasm.f32, firstScalar, firstNarrow),
      ),
    ],
  };
}

interface MemoryOps {
  load(address: Code): Code;
  store(address: Code, value: Code): Code;
}
