import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { HostBatch } from '../../../runtime/src/core/batch.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { Prediction } from '../../../runtime/src/trainer/loops/predictionLoop.ts';
import { savePredictions } from '../../../runtime/src/trainer/savePredictions.ts';
import { quietTrainer, temporaryFolder } from './tinyRun.ts';

interface Header {
  readonly [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
}

async function readTensors(
  path: string,
): Promise<{ header: Header; floats: (name: string) => number[] }> {
  const bytes = await readFile(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Header;
  return {
    header,
    floats(name) {
      const [begin, end] = header[name].data_offsets;
      return [...new Float32Array(bytes.buffer.slice(8 + length + begin, 8 + length + end))];
    },
  };
}

async function* given(...outputs: HostBatch[]): AsyncGenerator<Prediction> {
  let batchIdx = 0;
  for (const item of outputs) {
    await Promise.resolve();
    yield { outputs: item, size: 2, batchIdx: batchIdx++, loader: 'default' };
  }
}

const pair = (first: number, shape = [2, 1]): HostBatch => ({
  data: Float32Array.from([first, first + 1]),
  shape,
  dtype: 'float32',
});

describe('savePredictions', () => {
  it('writes the same numbers to lines and to tensors, batch by batch', async () => {
    const folder = await temporaryFolder();
    const trainer = await quietTrainer({});
    const module = new TinyModule();
    const loader = { day: tinyLoader({ samples: 10 }), night: tinyLoader({ samples: 3 }) };
    const [lines, tensors] = [join(folder, 'a.jsonl'), join(folder, 'a.safetensors')];
    expect(await savePredictions(trainer.predict({ module, loader }), lines)).toBe(13);
    expect(await savePredictions(trainer.predict({ module, loader }), tensors)).toBe(13);
    const rows = (await readFile(lines, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { loader: string; outputs: number[] });
    const { header, floats } = await readTensors(tensors);
    expect(header['day/outputs'].shape).toEqual([10, 1]);
    const of = (name: string) =>
      rows.filter((row) => row.loader === name).flatMap((r) => r.outputs);
    expect(floats('day/outputs')).toEqual(of('day'));
    expect(floats('night/outputs')).toEqual(of('night'));
    expect((await readdir(folder)).sort()).toEqual(['a.jsonl', 'a.safetensors']);
  });

  it('names tensors by their place in the outputs', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const batch = (first: number): HostBatch => ({
      logits: pair(first),
      parts: [pair(first + 10)],
    });
    await savePredictions(given(batch(0), batch(2)), path);
    const { header, floats } = await readTensors(path);
    expect(Object.keys(header)).toEqual(['logits', 'parts.0']);
    expect(floats('logits')).toEqual([0, 1, 2, 3]);
    expect(floats('parts.0')).toEqual([10, 11, 12, 13]);
  });

  it('leaves nothing behind when outputs do not fit', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'a.safetensors');
    await expect(savePredictions(given(pair(0), pair(2, [2])), path)).rejects.toThrow(
      /float32 \[\] a sample after float32 \[1\].*Write \.jsonl/,
    );
    await expect(savePredictions(given(pair(0, [1, 2])), path)).rejects.toThrow(
      /shape \[1, 2\] for 2 samples/,
    );
    expect(await readdir(folder)).toEqual([]);
    await expect(savePredictions(given(), join(folder, 'a.csv'))).rejects.toThrow(/\.jsonl or/);
  });
});
