import { wasm, type Code, type WasmFunction } from './assembler.ts';

const { f32, f32x4, f64, f64x2 } = wasm;

// Parameters and locals of both reductions, by index.
const address = 0;
const count = 1;
const end = 2;
const lanes = 3;

/**
 * Sum of squares in double precision: four running sums over the lanes, added at the end in a
 * fixed order, so that equal input gives equal bits. Parameters: address, elements.
 */
export function sumOfSquaresFunction(): WasmFunction {
  const low = 4;
  const high = 5;
  const total = 6;
  const square = (half: Code): Code => f64x2.mul(half, half);
  const narrow = f64.promote(f32.load(wasm.get(address)));
  const sums = [low, high].flatMap((sum) => [0, 1].map((lane) => f64x2.lane(wasm.get(sum), lane)));
  return {
    name: 'sumOfSquares',
    parameters: ['i32', 'i32'],
    result: 'f64',
    locals: ['i32', 'v128', 'v128', 'v128', 'f64'],
    body: [
      ...pass(16, wasm.i32And(wasm.get(count), wasm.i32(-4)), [
        ...wasm.set(lanes, f32x4.load(wasm.get(address))),
        ...wasm.set(low, f64x2.add(wasm.get(low), square(f64x2.promoteLow(wasm.get(lanes))))),
        ...wasm.set(
          high,
          f64x2.add(wasm.get(high), square(f64x2.promoteLow(f32x4.upperHalf(lanes)))),
        ),
      ]),
      ...wasm.set(
        total,
        sums.reduce((sum, lane) => f64.add(sum, lane)),
      ),
      ...pass(4, wasm.i32And(wasm.get(count), wasm.i32(3)), [
        ...wasm.set(total, f64.add(wasm.get(total), f64.mul(narrow, narrow))),
      ]),
      ...wasm.get(total),
    ],
  };
}

/**
 * 1 when no element is NaN or infinite: `x * 0` is 0 exactly for finite x and NaN otherwise, and
 * a sum never loses a NaN. Parameters: address, elements.
 */
export function allFiniteFunction(): WasmFunction {
  const zeros = 4;
  const narrow = 5;
  const laneSum = [0, 1, 2, 3]
    .map((lane) => f32x4.lane(wasm.get(lanes), lane))
    .reduce((sum, lane) => f32.add(sum, lane));
  return {
    name: 'allFinite',
    parameters: ['i32', 'i32'],
    result: 'i32',
    // `zeros` is never written: locals start as 0. `narrow` collects the sum of the products.
    locals: ['i32', 'v128', 'v128', 'f32', 'f32'],
    body: [
      ...pass(16, wasm.i32And(wasm.get(count), wasm.i32(-4)), [
        ...wasm.set(
          lanes,
          f32x4.add(wasm.get(lanes), f32x4.mul(f32x4.load(wasm.get(address)), wasm.get(zeros))),
        ),
      ]),
      ...wasm.set(narrow, laneSum),
      ...pass(4, wasm.i32And(wasm.get(count), wasm.i32(3)), [
        ...wasm.set(
          narrow,
          f32.add(wasm.get(narrow), f32.mul(f32.load(wasm.get(address)), wasm.get(narrow + 1))),
        ),
      ]),
      ...f32.equal(wasm.get(narrow), wasm.get(narrow)),
    ],
  };
}

function pass(stride: number, elements: Code, body: Code): Code {
  return [
    ...wasm.set(end, wasm.i32Add(wasm.get(address), wasm.i32ShiftLeft(elements, wasm.i32(2)))),
    ...wasm.until(wasm.get(address), wasm.get(end), [
      ...body,
      ...wasm.set(address, wasm.i32Add(wasm.get(address), wasm.i32(stride))),
    ]),
  ];
}
