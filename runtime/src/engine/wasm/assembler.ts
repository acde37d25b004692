/** Bytes of WebAssembly instructions. */
export type Code = readonly number[];

/** What a function takes, declares and returns. */
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128';

/** One exported function. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly result?: ValueType;
  /** Local variables after the parameters, in index order. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/**
 * Encodes a module that imports one memory as `env.memory` and exports `functions` by name.
 * Follows the binary format chapter of the WebAssembly 2.0 specification.
 */
export function assemble(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(functions.map(functionType))),
    ...section(2, vector([[...text('env'), ...text('memory'), 0x02, 0x00, 0x01]])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(
      7,
      vector(functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)])),
    ),
    ...section(10, vector(functions.map(functionBody))),
  ]);
}

/** Instructions by name. Each takes its operands as code and returns code that leaves its result. */
export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  i32Add: (a: Code, b: Code): Code => [...a, ...b, 0x6a],
  i32And: (a: Code, b: Code): Code => [...a, ...b, 0x71],
  i32ShiftLeft: (a: Code, b: Code): Code => [...a, ...b, 0x74],
  /** Repeats `body` until the unsigned `a >= b`. */
  until: (a: Code, b: Code, body: Code): Code => [
    ...[0x02, 0x40, 0x03, 0x40],
    ...[...a, ...b, 0x4f, 0x0d, 0x01],
    ...[...body, 0x0c, 0x00, 0x0b, 0x0b],
  ],
  f32: {
    load: (address: Code): Code => [...address, 0x2a, 0x02, 0x00],
    store: (address: Code, value: Code): Code => [...address, ...value, 0x38, 0x02, 0x00],
    equal: (a: Code, b: Code): Code => [...a, ...b, 0x5b],
    sqrt: (a: Code): Code => [...a, 0x91],
    add: (a: Code, b: Code): Code => [...a, ...b, 0x92],
    sub: (a: Code, b: Code): Code => [...a, ...b, 0x93],
    mul: (a: Code, b: Code): Code => [...a, ...b, 0x94],
    div: (a: Code, b: Code): Code => [...a, ...b, 0x95],
    min: (a: Code, b: Code): Code => [...a, ...b, 0x96],
    max: (a: Code, b: Code): Code => [...a, ...b, 0x97],
  },
  f64: {
    add: (a: Code, b: Code): Code => [...a, ...b, 0xa0],
    mul: (a: Code, b: Code): Code => [...a, ...b, 0xa2],
    promote: (a: Code): Code => [...a, 0xbb],
  },
  /** Four 32-bit lanes. The alignment hint is 4 bytes, so that any view may be passed. */
  f32x4: {
    load: (address: Code): Code => [...address, ...simd(0x00), 0x02, 0x00],
    store: (address: Code, value: Code): Code => [...address, ...value, ...simd(0x0b), 0x02, 0x00],
    splat: (a: Code): Code => [...a, ...simd(0x13)],
    lane: (a: Code, lane: number): Code => [...a, ...simd(0x1f), lane],
    sqrt: (a: Code): Code => [...a, ...simd(0xe3)],
    add: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe4)],
    sub: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe5)],
    mul: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe6)],
    div: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe7)],
    min: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe8)],
    max: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xe9)],
    /** Lanes 2, 3 in the places of 0, 1. */
    upperHalf: (local: number): Code => [
      ...wasm.get(local),
      ...wasm.get(local),
      ...simd(0x0d),
      ...[8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15],
    ],
  },
  f64x2: {
    promoteLow: (a: Code): Code => [...a, ...simd(0x5f)],
    lane: (a: Code, lane: number): Code => [...a, ...simd(0x21), lane],
    add: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xf0)],
    mul: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xf2)],
  },
};

const valueTypes: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

function functionType({ parameters, result }: WasmFunction): Code {
  const results = result === undefined ? [] : [[valueTypes[result]]];
  return [0x60, ...vector(parameters.map((type) => [valueTypes[type]])), ...vector(results)];
}

function functionBody({ locals, body }: WasmFunction): Code {
  const declared = vector(locals.map((type) => [1, valueTypes[type]]));
  const bytes = [...declared, ...body, 0x0b];
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, contents: Code): Code {
  return [id, ...unsigned(contents.length), ...contents];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  return vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

function simd(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}
