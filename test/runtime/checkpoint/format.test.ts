import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { crc32 } from '../../../runtime/src/checkpoint/crc32.ts';
import type { NamedTensor } from '../../../runtime/src/checkpoint/tensorData.ts';
import { readCheckpoint } from '../../../runtime/src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../../runtime/src/checkpoint/writeCheckpoint.ts';
import { inFolder, sampleContents } from './sampleContents.ts';

const emptyState = JSON.stringify({
  info: { step: 0, epoch: 0, savedAt: '', metrics: {}, versions: {}, config: null },
  state: {},
});

function bitsOf(tensor: NamedTensor | undefined): Buffer {
  if (tensor === undefined) return Buffer.alloc(0);
  const { buffer, byteOffset, byteLength } = tensor.data;
  return Buffer.from(buffer, byteOffset, byteLength);
}

async function codeOf(path: string): Promise<string> {
  try {
    await readCheckpoint(path);
    return 'read without complaint';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a checkpoint file', () => {
  it('gives back names, shapes, bits, info and state', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      const contents = sampleContents();
      await writeCheckpoint(path, contents);
      const read = await readCheckpoint(path);
      expect(read.info).toMatchObject(contents.info);
      expect(read.state).toEqual(contents.state);
      expect(read.tensors.size).toBe(contents.tensors.length);
      for (const tensor of contents.tensors) {
        const got = read.tensors.get(tensor.name);
        expect(got?.shape).toEqual(tensor.shape);
        expect(got?.data.constructor).toBe(tensor.data.constructor);
        expect(bitsOf(got)).toEqual(bitsOf(tensor));
      }
    });
  });

  it('is detected as damaged whichever byte is flipped', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      await writeCheckpoint(path, sampleContents());
      const intact = await readFile(path);
      const undetected: number[] = [];
      for (let at = 0; at < intact.length; at++) {
        const flipped = Buffer.from(intact);
        flipped[at] ^= 1 << (at % 8);
        await writeFile(path, flipped);
        const code = await codeOf(path);
        if (!/^ERR_CHECKPOINT_(CORRUPT|TRUNCATED)$/.test(code)) undetected.push(at);
      }
      expect(intact.length).toBeGreaterThan(500);
      expect(undetected).toEqual([]);
    });
  });

  it('is detected as cut short at every length', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      await writeCheckpoint(path, sampleContents());
      const intact = await readFile(path);
      const codes = new Set<string>();
      for (let length = intact.length - 1; length >= 0; length--) {
        await writeFile(path, intact.subarray(0, length));
        codes.add(await codeOf(path));
      }
      expect([...codes]).toEqual(['ERR_CHECKPOINT_TRUNCATED']);
    });
  });

  it('is detected as damaged when bytes are appended', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      await writeCheckpoint(path, sampleContents());
      await writeFile(path, Buffer.concat([await readFile(path), Buffer.from([0])]));
      expect(await codeOf(path)).toBe('ERR_CHECKPOINT_CORRUPT');
    });
  });

  it('keeps every tensor aligned and the data without gaps', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      await writeCheckpoint(path, sampleContents());
      const bytes = await readFile(path);
      const length = Number(bytes.readBigUInt64LE());
      const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
        string,
        { dtype: string; data_offsets: [number, number] }
      >;
      expect(length % 8).toBe(0);
      const sizes: Record<string, number> = { F64: 8, I64: 8, F32: 4, I32: 4, U8: 1 };
      const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
      for (const [, { dtype, data_offsets: offsets }] of entries) {
        expect(offsets[0] % sizes[dtype]).toBe(0);
      }
      const ends = entries.map(([, { data_offsets: offsets }]) => offsets[1]);
      expect(8 + length + Math.max(...ends)).toBe((await stat(path)).size);
    });
  });

  it('loads in place of tensors larger than one chunk', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'large.safetensors');
      const data = Float32Array.from({ length: 2_500_000 }, (_, index) => index);
      const small = { name: 'model/b', shape: [1], data: Float32Array.of(3) };
      const tensors = [{ name: 'model/a', shape: [data.length], data }, small];
      await writeCheckpoint(path, { ...sampleContents(), tensors });
      const read = await readCheckpoint(path);
      expect(bitsOf(read.tensors.get('model/a')).equals(bitsOf(tensors[0]))).toBe(true);
      const bytes = await readFile(path);
      bytes[bytes.length - 2_000_000] ^= 4;
      await writeFile(path, bytes);
      await expect(readCheckpoint(path)).rejects.toThrow(/tensor "model\/a" \(bytes \d+ to \d+\)/);
    });
  });
});

describe('a file that is no good checkpoint', () => {
  it('missing: names the near miss and the intact ones beside it', async () => {
    await inFolder(async (folder) => {
      await writeCheckpoint(join(folder, 'step=10.safetensors'), sampleContents(10));
      await expect(readCheckpoint(join(folder, 'step=1.safetensors'))).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_MISSING',
        name: 'UsageError',
        message:
          `There is no checkpoint at ${folder}/step=1.safetensors. ` +
          'Did you mean "step=10.safetensors"? ' +
          `Others in that folder, newest first: ${folder}/step=10.safetensors.`,
      });
    });
  });

  it('damaged: says where, what was expected and what else there is', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'b.safetensors');
      await writeCheckpoint(join(folder, 'a.safetensors'), sampleContents(3));
      await writeCheckpoint(path, sampleContents(4));
      const bytes = await readFile(path);
      bytes[20] ^= 1;
      await writeFile(path, bytes);
      await expect(readCheckpoint(path)).rejects.toThrow(
        /b\.safetensors is damaged: the header \(bytes 0 to \d+\) has checksum [0-9a-f]{8}, expected [0-9a-f]{8}\. Others in that folder, newest first: .*a\.safetensors\.$/,
      );
    });
  });

  it('a folder, an empty file, text and foreign safetensors each get their reason', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'x.safetensors');
      expect(await codeOf(folder)).toBe('ERR_CHECKPOINT_FORMAT');
      await writeFile(path, '');
      expect(await codeOf(path)).toBe('ERR_CHECKPOINT_TRUNCATED');
      await writeFile(path, 'epochs: 10\nlearning_rate: 0.1\n');
      expect(await codeOf(path)).toBe('ERR_CHECKPOINT_CORRUPT');
      await writeFile(path, rawFile('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4));
      await expect(readCheckpoint(path)).rejects.toThrow(/without "lightbox.format"/);
    });
  });

  it.each([
    ['not an object', '[1]', /not a JSON object/],
    ['unknown dtype', entry({ dtype: 'F8' }), /dtype "F8", expected F32/],
    ['dtype from the prototype', entry({ dtype: 'constructor' }), /dtype "constructor"/],
    ['negative size', entry({ shape: [-1] }), /shape \[-1\]/],
    ['fractional size', entry({ shape: [0.5] }), /shape \[0\.5\]/],
    ['shape that overflows', entry({ shape: [2 ** 52, 2 ** 52] }), /takes .* bytes, but has 4/],
    ['negative offset', entry({ data_offsets: [-4, 0] }), /offsets \[-4,0\]/],
    ['offsets the wrong way round', entry({ data_offsets: [4, 0] }), /offsets \[4,0\]/],
    ['one offset', entry({ data_offsets: [4] }), /offsets \[4\]/],
    ['huge offset', entry({ data_offsets: [0, 2 ** 60] }), /offsets \[0,/],
    ['gap', entry({ data_offsets: [4, 8] }), /begins at data byte 4, expected 0/],
    ['overlap', `{"a":${tensor({})},"b":${tensor({})}}`, /overlaps the tensor before it/],
    ['metadata that is not text', '{"__metadata__":{"a":1}}', /object of strings/],
    ['a prototype as tensor', '{"__proto__":{"dtype":1}}', /tensor "__proto__" has dtype 1/],
    [
      'no checksums',
      `{"__metadata__":${ours(emptyState)},"a":${tensor({})}}`,
      /last tensor is expected/,
    ],
    [
      'newer format',
      `{"__metadata__":{"lightbox.format":"2"},"a":${tensor({})}}`,
      /expected to be "1", got "2"/,
    ],
    ['broken state', `{"__metadata__":${ours('{')},"a":${tensor({})}}`, /state is not JSON/],
    [
      'state of another shape',
      `{"__metadata__":${ours('{"info":{}}')},"a":${tensor({})}}`,
      /lacks "info"/,
    ],
  ])('hostile header: %s', async (_name, json, message) => {
    await inFolder(async (folder) => {
      const path = join(folder, 'x.safetensors');
      await writeFile(path, signed(json));
      await expect(readCheckpoint(path)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_FORMAT',
        message: expect.stringMatching(message),
      });
      expect(({} as Record<string, unknown>).dtype).toBeUndefined();
    });
  });

  it('a header length beyond the limit does not allocate it', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'x.safetensors');
      const bytes = Buffer.alloc(64);
      bytes.writeBigUInt64LE(2n ** 64n - 1n);
      await writeFile(path, bytes);
      await expect(readCheckpoint(path)).rejects.toThrow(
        /announce a header of 18446744073709551615/,
      );
    });
  });
});

describe('tensors that cannot be saved', () => {
  it.each([
    ['wrong size', { name: 'model/a', shape: [3], data: new Float32Array(2) }, /3 values, got 2/],
    [
      'reserved name',
      { name: 'lightbox.crc32', shape: [0], data: new Float32Array(0) },
      /reserved/,
    ],
    ['empty name', { name: '', shape: [0], data: new Float32Array(0) }, /reserved/],
    ['half a character', { name: 'a\ud800', shape: [0], data: new Float32Array(0) }, /valid text/],
    ['a name twice', { name: 'rng/mask', shape: [0], data: new Float32Array(0) }, /there twice/],
  ])('%s', async (_name, tensor, message) => {
    await inFolder(async (folder) => {
      const contents = sampleContents();
      const write = writeCheckpoint(join(folder, 'a.safetensors'), {
        ...contents,
        tensors: [...contents.tensors, tensor],
      });
      await expect(write).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_TENSOR',
        message: expect.stringMatching(message),
      });
    });
  });
});

function tensor(changes: object): string {
  return JSON.stringify({ dtype: 'F32', shape: [1], data_offsets: [0, 4], ...changes });
}

function entry(changes: object): string {
  return `{"w":${tensor(changes)}}`;
}

function ours(state: string): string {
  return JSON.stringify({ 'lightbox.format': '1', 'lightbox.state': state });
}

function rawFile(json: string, dataBytes: number): Buffer {
  const bytes = Buffer.alloc(8 + json.length + dataBytes);
  bytes.writeBigUInt64LE(BigInt(json.length));
  bytes.write(json, 8);
  return bytes;
}

// With the right checksum as its data, so that only the checks of the content can refuse it.
function signed(json: string): Buffer {
  const bytes = rawFile(json, 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}
