import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import sharp from 'sharp';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { TarDataset } from '../../../../runtime/src/data/datasets/tarDataset.ts';
import { resolveDataPath } from '../../../../runtime/src/data/datasets/dataPath.ts';
import { indexTar } from '../../../../runtime/src/data/formats/tarIndex.ts';
import { RandomAccessFile } from '../../../../runtime/src/data/formats/randomAccessFile.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-tar-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function tar(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const path = join(folder, name);
  const archive = pack();
  const out = archive.pipe(createWriteStream(path));
  for (const [entry, content] of Object.entries(files)) archive.entry({ name: entry }, content);
  archive.finalize();
  await once(out, 'finish');
  return path;
}

let image: Buffer;

beforeAll(async () => {
  const fox = resolveDataPath('package:vega-datasets/data/ffox.png');
  image = await sharp(fox).resize(6, 4, { fit: 'fill' }).flatten().png().toBuffer();
  await tar('train-000.tar', {
    'a/0001.png': image,
    'a/0001.cls': '3',
    'a/0001.json': '{"x":[1,2]}',
    'a/0002.json': '{"x":[3,4]}',
    'a/0002.png': image,
    'a/0002.cls': '4\n',
  });
  await tar('train-001.tar', { 'b.cls': '5', 'b.json': '{"x":[5,6]}', 'b.png': image });
});

describe('TarDataset', () => {
  it('gives samples of several archives at any index', async () => {
    const dataset = new TarDataset({ path: join(folder, 'train-{000..001}.tar') });
    expect(dataset.length).toBe(3);
    expect(dataset.shards).toEqual({ lengths: [2, 1] });
    expect(dataset.key(1)).toBe('a/0002');
    expect(await dataset.get(2)).toMatchObject({ cls: 5, json: { x: [5, 6] } });
    expect(await dataset.get(0)).toMatchObject({ png: { shape: [4, 6, 3] }, cls: 3 });
  });

  it('gives batches of the chosen fields, in threads the same', async () => {
    const path = join(folder, 'train-*.tar');
    const dataset = new TarDataset({ path, fields: ['png', 'cls'], color: 'grey' });
    const digests = async (numWorkers: number): Promise<string[]> => {
      const loader = new DataLoader({ dataset, batchSize: 2, seed: 1, numWorkers });
      const found = await collect(loader, 0, 6);
      expect(found[0].batch.data).toMatchObject({ cls: { dtype: 'int32' } });
      await loader.dispose();
      return found.map(({ batch }) => digest(batch));
    };
    expect(await digests(1)).toEqual(await digests(0));
  });

  it('reads txt and npy, and names of more than 100 and 255 characters', async () => {
    const text = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n";
    const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
    const npy = Buffer.concat([start, Buffer.from(text), Buffer.from([1, 0, 255, 255])]);
    const long = `${'d'.repeat(120)}/${'f'.repeat(80)}`;
    const longer = `${'é'.repeat(200)}/x`;
    const path = await tar('names.tar', {
      [`${long}.txt`]: 'hello',
      [`${long}.v.npy`]: npy,
      [`${longer}.txt`]: 'on',
      [`${longer}.v.npy`]: npy,
      README: 'no sample',
    });
    const dataset = new TarDataset({ path });
    expect(dataset.length).toBe(2);
    expect([dataset.key(0), dataset.key(1)]).toEqual([long, longer]);
    expect(await dataset.get(0)).toEqual({
      txt: 'hello',
      'v.npy': { data: Int32Array.of(1, -1), shape: [2], dtype: 'int32' },
    });
  });

  it('reads long names as GNU tar writes them', () => {
    const name = `${'n'.repeat(150)}.txt`;
    const header = (own: string, size: number, type: string): Buffer => {
      const block = Buffer.alloc(512);
      block.write(own.slice(0, 100), 0);
      block.write(`${size.toString(8).padStart(11, '0')} `, 124);
      block.write(type, 156);
      block.write('ustar  \0', 257, 'latin1');
      block.fill(32, 148, 156);
      const sum = block.reduce((total, byte) => total + byte, 0);
      block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      return block;
    };
    const body = (text: string): Buffer => Buffer.concat([Buffer.from(text)], 512);
    const bytes = Buffer.concat([
      header('././@LongLink', name.length + 1, 'L'),
      body(`${name}\0`),
      header(name, 5, '0'),
      body('hello'),
      Buffer.alloc(1024),
    ]);
    const path = join(folder, 'gnu.tar');
    writeFileSync(path, bytes);
    expect(indexTar(new RandomAccessFile(path))).toEqual([{ name, begin: 1536, size: 5 }]);
  });

  it('refuses compressed, foreign, damaged and truncated archives', () => {
    const whole = readFileSync(join(folder, 'train-000.tar'));
    const open = (name: string, bytes: Uint8Array) => {
      writeFileSync(join(folder, name), bytes);
      return () => new TarDataset({ path: join(folder, name) });
    };
    expect(open('x.tar.gz', gzipSync(whole))).toThrow(/is compressed.*gunzip/);
    expect(open('x.tar', Buffer.alloc(2000, 'a'))).toThrow(/is no tar archive/);
    expect(open('short.tar', whole.subarray(0, 580))).toThrow(
      /cut short: "a\/0001\.png" ends at byte \d+, the file at 580/,
    );
    expect(open('half.tar', whole.subarray(0, whole.length - 1024 - 700))).toThrow(/cut short/);
    expect(open('none.tar', Buffer.alloc(0))).toThrow(/is empty/);
    const damaged = Buffer.from(whole);
    damaged[512 + 512 * Math.ceil(image.length / 512) + 5] ^= 1;
    expect(open('damaged.tar', damaged)).toThrow(/has a damaged header at byte/);
    expect(open('blank.tar', Buffer.alloc(1024))).toThrow(/no archive holds a sample/);
  });

  it('names what is wrong with a sample', async () => {
    const partial = await tar('partial.tar', { 'a.cls': '1', 'a.txt': 'x', 'b.cls': '2' });
    expect(() => new TarDataset({ path: partial })).toThrow(/sample "b" has cls, but no txt/);
    const only = new TarDataset({ path: partial, fields: ['cls'] });
    expect(await only.get(1)).toEqual({ cls: 2 });
    const odd = await tar('odd.tar', { 'a.mp3': 'x' });
    expect(() => new TarDataset({ path: odd })).toThrow(/ending in \.mp3; known are jpg, jpeg/);
    const wrong = new TarDataset({
      path: await tar('wrong.tar', { 'a.cls': 'cat', 'a.png': 'x' }),
    });
    await expect(wrong.get(0)).rejects.toThrow(/wrong\.tar:a\.cls: expected a whole number/);
    const broken = await tar('broken.tar', { 'a.png': image.subarray(0, 60) });
    await expect(new TarDataset({ path: broken }).get(0)).rejects.toThrow(
      /broken\.tar:a\.png is a png image that ends early/,
    );
  });
});
