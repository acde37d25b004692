import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { NpyDataset } from '../../../../runtime/src/data/datasets/npyDataset.ts';
import { SafetensorsDataset } from '../../../../runtime/src/data/datasets/safetensorsDataset.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-arrays-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A .npy file as numpy writes it. */
function npy(name: string, descr: string, shape: number[], data: Uint8Array, fortran = false) {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const header = Buffer.from(text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11) + '\n');
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0, 0]);
  start.writeUInt16LE(header.length, 8);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([start, header, data]));
  return path;
}

const bytes = (data: ArrayBufferView) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function safetensors(name: string, tensors: Record<string, [string, number[], Uint8Array]>) {
  let offset = 0;
  const entries = Object.entries(tensors).map(([key, [dtype, shape, data]]) => {
    const begin = offset;
    offset += data.length;
    return [key, { dtype, shape, data_offsets: [begin, offset] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([prefix, header, ...Object.values(tensors).map((t) => t[2])]));
  return path;
}

const tensor = (value: unknown) => value as HostTensor;
const floats = Float32Array.from({ length: 12 }, (_, index) => index / 2);

describe('NpyDataset', () => {
  const x = npy('x.npy', '<f4', [4, 3], bytes(floats));
  const y = npy('y.npy', '<i8', [4], bytes(BigInt64Array.from([7n, -1n, 2n, 3n])));

  it.each([true, false])('gives rows of several files, in memory: %s', async (inMemory) => {
    const dataset = new NpyDataset({ fields: { x, y }, inMemory });
    expect(dataset.length).toBe(4);
    expect(dataset.columns).toEqual({
      x: { dtype: 'float32', shape: [3] },
      y: { dtype: 'int32', shape: [] },
    });
    expect(tensor(dataset.get(2).x).data).toEqual(Float32Array.of(3, 3.5, 4));
    expect(dataset.get(1).y).toBe(-1);
    const loader = new DataLoader({ dataset, batchSize: 4, shuffle: false });
    expect(loader.fused).toBe(true);
    const [{ batch }] = await collect(loader, 0, 4);
    expect(batch.data).toMatchObject({
      x: { shape: [4, 3] },
      y: { data: Int32Array.of(7, -1, 2, 3) },
    });
  });

  it.each([true, false])('gives threads the same batches, in memory: %s', async (inMemory) => {
    const dataset = new NpyDataset({ fields: { x, y }, inMemory });
    const here = new DataLoader({ dataset, batchSize: 2, seed: 1 });
    const there = new DataLoader({ dataset, batchSize: 2, seed: 1, numWorkers: 1 });
    const digests = async (loader: DataLoader) =>
      (await collect(loader, 0, 8)).map(({ batch }) => digest(batch));
    expect(await digests(there)).toEqual(await digests(here));
    await there.dispose();
  });

  it.each([
    ['>f8', Buffer.from('3ff8000000000000c000000000000000', 'hex'), [1.5, -2]],
    ['<f2', Buffer.from('003e00c0', 'hex'), [1.5, -2]],
    ['>i2', Buffer.from('0102ffff', 'hex'), [258, -1]],
    ['|u1', Buffer.from([200, 1]), [200, 1]],
    ['<u2', Buffer.from('ffff0100', 'hex'), [65535, 1]],
    ['|b1', Buffer.from([0, 1]), [0, 1]],
    ['>u8', Buffer.from('000000000000000500000000000000ff', 'hex'), [5, 255]],
  ])('reads %s', (descr, data, expected) => {
    const path = npy('kinds.npy', descr, [2], data);
    const dataset = new NpyDataset({ fields: { v: path } });
    expect([dataset.get(0).v, dataset.get(1).v]).toEqual(expected);
  });

  it('reads a file of numpy that is 2 bytes of header longer (version 2)', () => {
    const text = "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2), }\n";
    const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, text.length, 0, 0, 0]);
    const path = join(folder, 'v2.npy');
    writeFileSync(path, Buffer.concat([start, Buffer.from(text), bytes(Int32Array.of(4, 5))]));
    const dataset = new NpyDataset({ fields: { v: path } });
    expect(tensor(dataset.get(0).v).data).toEqual(Int32Array.of(4, 5));
  });

  it('hashes the content', () => {
    const before = new NpyDataset({ fields: { x } }).fingerprint;
    expect(new NpyDataset({ fields: { x } }).fingerprint).toBe(before);
    const changed = npy('changed.npy', '<f4', [4, 3], bytes(floats.map((value) => value + 1)));
    expect(new NpyDataset({ fields: { x: changed } }).fingerprint).not.toBe(before);
  });

  const short = npy('short.npy', '<f4', [4, 3], bytes(floats));
  truncateSync(short, 150);
  mkdirSync(join(folder, 'folder.npy'));
  it.each([
    ['ERR_DATA_TRUNCATED', /short\.npy is cut short: its header promises \[4, 3\]/, { x: short }],
    [
      'ERR_DATA_FORMAT',
      /fortran\.npy is in Fortran order.*ascontiguousarray/,
      {
        x: npy('fortran.npy', '<f4', [4, 3], bytes(floats), true),
      },
    ],
    [
      'ERR_DATA_FORMAT',
      /text\.npy holds '<U4'; numbers are needed/,
      {
        x: npy('text.npy', '<U4', [1], new Uint8Array(16)),
      },
    ],
    [
      'ERR_DATA_FORMAT',
      /foreign\.npy is no \.npy file/,
      {
        x: ((path) => (writeFileSync(path, 'hello, hello, hello'), path))(
          join(folder, 'foreign.npy'),
        ),
      },
    ],
    [
      'ERR_DATA_MISMATCH',
      /"x" \(.*x\.npy\) has 4 rows, but "z".*has 2/,
      {
        x,
        z: npy('z.npy', '|u1', [2], Buffer.from([1, 2])),
      },
    ],
    [
      'ERR_DATA_MISMATCH',
      /one value without axes/,
      {
        x: npy('scalar.npy', '|u1', [], Buffer.from([1])),
      },
    ],
    ['ERR_DATA_EMPTY', /has no rows/, { x: npy('none.npy', '<f4', [0, 3], new Uint8Array()) }],
    ['ERR_DATA_FILE', /is a folder/, { x: join(folder, 'folder.npy') }],
    ['ERR_DATA_FILE', /There is no file/, { x: join(folder, 'absent.npy') }],
    ['ERR_DATA_OPTIONS', /expected a field/, {}],
  ])('refuses with %s: %s', (code, message, fields) => {
    const open = () => new NpyDataset({ fields: fields });
    expect(open).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('names a whole number that is too large when it is read', () => {
    const big = npy('big.npy', '<i8', [1], bytes(BigInt64Array.of(2n ** 40n)));
    const dataset = new NpyDataset({ fields: { id: big } });
    expect(() => dataset.get(0)).toThrow(/"id" of .*big\.npy holds 1099511627776/);
  });
});

describe('SafetensorsDataset', () => {
  const path = safetensors('all.safetensors', {
    x: ['F32', [4, 3], bytes(floats)],
    half: ['BF16', [4], Buffer.from('803f00c0404080bf', 'hex')],
    label: ['U8', [4], Buffer.from([0, 1, 2, 250])],
    other: ['I32', [3], bytes(Int32Array.of(1, 2, 3))],
  });

  it.each([true, false])('gives rows of named tensors, in memory: %s', (inMemory) => {
    const tensors = ['label', 'x', 'half'];
    const dataset = new SafetensorsDataset({ path, tensors, inMemory });
    expect(Object.keys(dataset.columns)).toEqual(tensors);
    expect(tensor(dataset.get(3).x).data).toEqual(Float32Array.of(4.5, 5, 5.5));
    expect(dataset.get(3).label).toBe(250);
    expect([0, 1, 2, 3].map((row) => dataset.get(row).half)).toEqual([1, -2, 3, -1]);
  });

  it('refuses other lengths, unknown names and damaged files', () => {
    expect(() => new SafetensorsDataset({ path })).toThrow(/"x".*has 4 rows, but "other".*has 3/);
    expect(() => new SafetensorsDataset({ path, tensors: ['labels'] })).toThrow(
      /has no tensor "labels"; it has .*Did you mean "label"/,
    );
    const cut = safetensors('cut.safetensors', { x: ['F32', [4, 3], bytes(floats)] });
    truncateSync(cut, 60);
    expect(() => new SafetensorsDataset({ path: cut })).toThrow(
      expect.objectContaining({ code: 'ERR_DATA_TRUNCATED' }),
    );
    const odd = safetensors('odd.safetensors', { x: ['F8_E4M3', [1], Buffer.from([1])] });
    expect(() => new SafetensorsDataset({ path: odd })).toThrow(/dtype "F8_E4M3", expected BOOL/);
  });
});
