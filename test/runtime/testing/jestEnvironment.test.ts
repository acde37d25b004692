import { Buffer as ImportedBuffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { webAssembly } from '../../../runtime/src/engine/wasm/webAssembly.ts';

describe('jest environment', () => {
  it('shares buffers with the realm of node itself', () => {
    expect(structuredClone(new Float32Array(2))).toBeInstanceOf(Float32Array);
    expect(new TextEncoder().encode('a')).toBeInstanceOf(Uint8Array);
    expect(ImportedBuffer.alloc(1)).toBeInstanceOf(Uint8Array);
    expect(new BigInt64Array(1).buffer).toBeInstanceOf(ArrayBuffer);
  });

  it('gives WebAssembly memory whose buffer is an ArrayBuffer', () => {
    const { buffer } = new webAssembly.Memory({ initial: 1, maximum: 1 });
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect(new Float32Array(buffer, 16, 4).buffer).toBe(buffer);
  });

  it('lets onnxruntime read and write WebAssembly memory', async () => {
    const session = await ort.InferenceSession.create(doublingModel());
    const { buffer } = new webAssembly.Memory({ initial: 1, maximum: 1 });
    const input = new Float32Array(buffer, 0, 3);
    const output = new Float32Array(buffer, 64, 3);
    input.set([1, -2, 3.5]);
    const results = await session.run(
      { x: new ort.Tensor('float32', input, [3]) },
      { y: new ort.Tensor('float32', output, [3]) },
    );
    expect([...output]).toEqual([2, -4, 7]);
    expect(results.y.data).toBeInstanceOf(Float32Array);
    await session.release();
  });
});

/** An ONNX model `y = x + x` over three floats, written field by field. */
function doublingModel(): Uint8Array {
  const text = (tag: number, value: string): number[] => [
    tag,
    value.length,
    ...new TextEncoder().encode(value),
  ];
  const message = (tag: number, ...parts: number[][]): number[] => {
    const body = parts.flat();
    return [tag, body.length, ...body];
  };
  const shape = message(0x12, message(0x0a, [0x08, 3]));
  const floatOfThree = message(0x12, message(0x0a, [0x08, 1], shape));
  const node = message(0x0a, text(0x0a, 'x'), text(0x0a, 'x'), text(0x12, 'y'), text(0x22, 'Add'));
  const graph = message(
    0x3a,
    node,
    text(0x12, 'g'),
    message(0x5a, text(0x0a, 'x'), floatOfThree),
    message(0x62, text(0x0a, 'y'), floatOfThree),
  );
  return Uint8Array.from([0x08, 8, ...graph, ...message(0x42, [0x10, 13])]);
}
