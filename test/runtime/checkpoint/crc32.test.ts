import { describe, expect, it } from '@jest/globals';
import { crc32, tableCrc32 } from '../../../runtime/src/checkpoint/crc32.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 37) % 251);

describe('crc32', () => {
  it.each([
    ['as used', crc32],
    ['by table', tableCrc32],
  ])('%s has the published check value and can go on in parts', (_name, sum) => {
    expect(sum(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(sum(new Uint8Array(0))).toBe(0);
    expect(sum(bytes.subarray(300), sum(bytes.subarray(0, 300)))).toBe(sum(bytes));
  });

  it('is the same by either way', () => {
    expect(tableCrc32(bytes)).toBe(crc32(bytes));
  });
});
