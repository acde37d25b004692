import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  parsePythonJson,
  pyFloat,
  pythonFloat,
  writePythonJson,
} from '../../../runtime/src/hpo/pythonJson.ts';

function isNormal(value: number): boolean {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0];
  return (bits & 0x7ff0000000000000n) !== 0n || (bits & 0xfffffffffffffn) === 0n;
}

describe('numbers in the notation of Python', () => {
  it.each([
    [4, '4.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [0.1, '0.1'],
    [-2.5, '-2.5'],
    [1e-4, '0.0001'],
    [1e-5, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [123456.789, '123456.789'],
    [1e15, '1000000000000000.0'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [1.25e22, '1.25e+22'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [0.30000000000000004, '0.30000000000000004'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ])('%p is written %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });

  it('writes and reads back the smallest numbers exactly', () => {
    // In a process of its own: one that trains counts them as zero, as other tests here do.
    const source = new URL('../../../runtime/dist/hpo/pythonJson.js', import.meta.url).href;
    const program = `import { parsePythonJson, pythonFloat } from ${JSON.stringify(source)};
      const texts = [5e-324, -2.5e-310].map(pythonFloat);
      console.log(texts.join(), texts.map(parsePythonJson).join());`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program]);
    expect(output.toString().trim()).toBe('5e-324,-2.5e-310 5e-324,-2.5e-310');
  });

  it('reads back every other double exactly', () => {
    fc.assert(
      fc.property(fc.double().filter(isNormal), (value) => {
        expect(Object.is(parsePythonJson(pythonFloat(value)), value)).toBe(true);
      }),
    );
  });
});

describe('JSON as Python writes it', () => {
  it('keeps integers apart from floats, escapes what is not ASCII, leaves out undefined', () => {
    const value = { a: 1, b: pyFloat(1), c: 'é\u2028\u007f"\n', d: [true, null], e: undefined };
    const text = '{"a":1,"b":1.0,"c":"\\u00e9\\u2028\\u007f\\"\\n","d":[true,null]}';
    expect(writePythonJson(value)).toBe(text);
    expect(writePythonJson({ a: [1, 2], b: {} }, true)).toBe('{"a": [1, 2], "b": {}}');
  });

  it('reads bare tokens and leaves texts that look like them alone', () => {
    const text = '{"NaN":NaN,"b":[Infinity,-Infinity,"NaN","\\"Infinity\\\\"],"c":-1.5}';
    expect(parsePythonJson(text)).toEqual({
      NaN: NaN,
      b: [Infinity, -Infinity, 'NaN', '"Infinity\\'],
      c: -1.5,
    });
  });

  it('reads any value it wrote, whatever texts are in it', () => {
    const number = fc.double().filter((value) => !Object.is(value, -0));
    const { tree } = fc.letrec<{ tree: never }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        number,
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\ue000', '\ue000NaN', '\ue001Infinity', 'NaN', '-Infinity', '"', '\\'),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree')),
        fc.dictionary(fc.string(), tie('tree')),
      ) as fc.Arbitrary<never>,
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(parsePythonJson(writePythonJson(value))).toEqual(value);
      }),
    );
  });

  it('refuses what is not JSON', () => {
    expect(() => parsePythonJson('{"a":')).toThrow(SyntaxError);
    expect(() => parsePythonJson('{"a":NaN')).toThrow(SyntaxError);
  });
});
