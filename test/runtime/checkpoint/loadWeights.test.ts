import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { loadFromCheckpoint, loadWeights } from '../../../runtime/src/checkpoint/loadWeights.ts';
import { ModelCheckpoint } from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { EMA } from '../../../runtime/src/callbacks/ema.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, weightBits } from '../trainer/tinyRun.ts';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'lightbox-weights-'));

type Entry = [dtype: string, shape: number[], bytes: Buffer];

async function safetensors(tensors: Record<string, Entry>): Promise<string> {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, [dtype, shape, bytes]] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes.length)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  const path = join(await folder(), 'weights.safetensors');
  await writeFile(path, Buffer.concat([prefix, json, ...Object.values(tensors).map((e) => e[2])]));
  return path;
}

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const counted = Array.from({ length: 12 }, (_, index) => index);
const weight: Entry = ['F32', [4, 3], floats(...counted)];
// 0.5, 1, -2 and 0.25 as half and as brain floats.
const half: Entry = [
  'F16',
  [4],
  Buffer.from(Uint16Array.of(0x3800, 0x3c00, 0xc000, 0x3400).buffer),
];
const brain: Entry = [
  'BF16',
  [4, 1],
  Buffer.from(Uint16Array.of(0x3f00, 0x3f80, 0xc000, 0x3e80).buffer),
];

describe('loadWeights', () => {
  it('reads other float types, renames and transposes', async () => {
    const path = await safetensors({ 'net/weight': weight, 'net/bias': half, 'top.head': brain });
    const module = new TinyModule();
    const options = { map: { 'net.': '', 'top.': '' }, transpose: ['weight'] };
    const report = await loadWeights(module, path, options);
    expect(report.loaded.toSorted()).toEqual(['bias', 'head', 'weight']);
    expect([...module.bias.dataSync()]).toEqual([0.5, 1, -2, 0.25]);
    expect([...module.head.dataSync()]).toEqual([0.5, 1, -2, 0.25]);
    expect([...module.weight.dataSync()].slice(0, 5)).toEqual([0, 3, 6, 9, 1]);
  });

  it('lists everything that does not fit, and changes nothing', async () => {
    const path = await safetensors({ weight, baias: half });
    const module = new TinyModule();
    const before = weightBits(module);
    const load = loadWeights(module, path);
    await expect(load).rejects.toThrow(
      /missing: bias Did you mean "baias"\?\n {2}missing: head\n {2}unexpected: baias\n {2}other shape: weight is \[3, 4\], in the file \[4, 3\]/,
    );
    expect(weightBits(module)).toEqual(before);
    const report = await loadWeights(module, path, { strict: false, map: { baias: 'bias' } });
    expect(report).toEqual({
      loaded: ['bias'],
      missing: ['head'],
      unexpected: [],
      mismatched: ['weight is [3, 4], in the file [4, 3]'],
    });
  });

  it('reads the model.json of a LayersModel', async () => {
    const dir = await folder();
    const weights = [
      { name: 'dense_1/weight', shape: [3, 4], dtype: 'float32' },
      { name: 'dense_1/bias', shape: [4], dtype: 'float32' },
      { name: 'dense_2/head', shape: [4, 1], dtype: 'float32' },
    ];
    const bytes = floats(...Array.from({ length: 20 }, (_, index) => index));
    await writeFile(join(dir, 'group1.bin'), bytes.subarray(0, 50));
    await writeFile(join(dir, 'group2.bin'), bytes.subarray(50));
    const manifest = { weightsManifest: [{ paths: ['group1.bin', 'group2.bin'], weights }] };
    await writeFile(join(dir, 'model.json'), JSON.stringify(manifest));
    const module = new TinyModule();
    await loadWeights(module, join(dir, 'model.json'), {
      map: { 'dense_1.': '', 'dense_2.': '' },
    });
    expect([...module.head.dataSync()]).toEqual([16, 17, 18, 19]);
  });

  it.each(['cut.safetensors', 'none.json'])('says what is wrong with %s', async (name) => {
    const path = join(await folder(), name);
    await writeFile(path, '{}');
    await expect(loadWeights(new TinyModule(), path)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_WEIGHTS_FILE' }),
    );
  });
});

describe('loadFromCheckpoint', () => {
  it('makes the module that was saved', async () => {
    const callbacks = [new EMA(), new ModelCheckpoint({ saveLast: true, saveTopK: 0 })];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks });
    const module = new TinyModule({ hidden: 7, dropout: 0.1 });
    const { lastCheckpoint } = await trainer.fit({ module, trainLoader: tinyLoader() });
    const loaded = await loadFromCheckpoint(TinyModule, String(lastCheckpoint), { dropout: 0 });
    expect(weightBits(loaded)).toEqual(weightBits(module));
    expect(loaded.hparams).toEqual({ hidden: 7, dropout: 0 });
    class Other extends TinyModule {}
    await expect(loadFromCheckpoint(Other, String(lastCheckpoint))).rejects.toThrow(
      /holds a TinyModule, expected Other/,
    );
  });

  it('builds layers that are built late', async () => {
    class Late extends TinyModule {
      readonly last = tfl.layers.dense({ units: 1, name: 'late' });
      override forward(input: unknown): tf.Tensor2D {
        return this.last.apply(super.forward(input)) as tf.Tensor2D;
      }
    }
    const trainer = await quietTrainer({
      maxEpochs: 1,
      callbacks: [new ModelCheckpoint({ saveLast: true, saveTopK: 0 })],
    });
    const module = new Late();
    const { lastCheckpoint } = await trainer.fit({ module, trainLoader: tinyLoader() });
    const loaded = await loadFromCheckpoint(Late, String(lastCheckpoint));
    expect(loaded.parameters().map(({ name }) => name)).toContain('last.kernel');
    expect(weightBits(loaded)).toEqual(weightBits(module));
  });
});
