import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import * as arrow from 'apache-arrow';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ArrowDataset } from '../../../../runtime/src/data/datasets/arrowDataset.ts';
import { resolveDataPath } from '../../../../runtime/src/data/datasets/dataPath.ts';
import { collect, digest } from '../batches.ts';

const folder = mkdtempSync(join(tmpdir(), 'lightbox-arrow-'));
afterAll(() => rmSync(folder, { recursive: true }));

const flights = 'package:vega-datasets/data/flights-200k.arrow';
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

describe('ArrowDataset', () => {
  it('gives 200,000 rows of numbers, in threads from the same memory', async () => {
    const dataset = new ArrowDataset({ path: flights });
    expect(dataset.length).toBe(200_000);
    const kinds = Object.values(dataset.columns).map(({ dtype }) => dtype);
    expect(kinds).toHaveLength(Object.keys(dataset.get(0)).length);
    const digests = async (numWorkers: number): Promise<string[]> => {
      const loader = new DataLoader({ dataset, batchSize: 2_000, seed: 2, numWorkers });
      expect(loader.fused).toBe(true);
      const found = (await collect(loader, 0, 10_000)).map(({ batch }) => digest(batch));
      await loader.dispose();
      return found;
    };
    expect(await digests(1)).toEqual(await digests(0));
  });

  const table = arrow.tableFromArrays({
    id: BigInt64Array.from([1n, 2n, 3n]),
    size: Float64Array.from([0.5, 1.5, 2.5]),
    kind: ['owl', 'crow', 'owl'],
    day: [new Date(0), new Date(86_400_000), new Date(172_800_000)],
  });

  it.each(['file', 'stream'] as const)('reads an IPC %s with texts and dates', (format) => {
    const path = file(`${format}.arrow`, arrow.tableToIPC(table, format));
    const dataset = new ArrowDataset({ path, categories: { kind: ['crow', 'owl'] } });
    expect(dataset.get(1)).toEqual({ id: 2, size: 1.5, kind: 0, day: '1970-01-02T00:00:00.000Z' });
    expect(new ArrowDataset({ path, dates: 'days' }).get(2)).toEqual({
      id: 3,
      size: 2.5,
      kind: 'owl',
      day: 2,
    });
  });

  it('refuses missing values, nested columns, foreign and truncated files', () => {
    const gaps = file('gaps.arrow', arrow.tableToIPC(arrow.tableFromArrays({ x: [1, null, 3] })));
    expect(() => new ArrowDataset({ path: gaps })).toThrow(/row 1, column "x": there is no value/);
    expect(new ArrowDataset({ path: gaps, fill: { x: 9 } }).get(1)).toEqual({ x: 9 });
    const lists = arrow.tableFromJSON([{ x: [1, 2], y: 1 }]);
    const nested = file('nested.arrow', arrow.tableToIPC(lists));
    expect(() => new ArrowDataset({ path: nested })).toThrow(/column "x" is of type List.*columns/);
    expect(new ArrowDataset({ path: nested, columns: ['y'] }).get(0)).toEqual({ y: 1 });
    const whole = readFileSync(resolveDataPath(flights));
    const cut = file('cut.arrow', whole.subarray(0, 10_000));
    expect(() => new ArrowDataset({ path: cut })).toThrow(/cut\.arrow is cut short/);
    const text = file('text.arrow', Buffer.from('a,b\n1,2\n'));
    expect(() => new ArrowDataset({ path: text })).toThrow(/is no Arrow IPC file or stream/);
  });
});
