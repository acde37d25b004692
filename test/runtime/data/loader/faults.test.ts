import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataLoader, type DataLoaderOptions } from '../../../../runtime/src/data/dataLoader.ts';
import { loaderState, restoreLoader } from '../../../../runtime/src/data/loader/loaderState.ts';
import { collect, digest, field } from '../batches.ts';
import { FaultyDataset, type Faulty } from './faultyDataset.ts';

const opened: DataLoader[] = [];
const broken = [3, 4, 11, 17];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.dispose()));
});

interface Watched {
  readonly loader: DataLoader;
  readonly dir: string;
  readonly lines: string[];
}

function open(data: Partial<Faulty>, options: Partial<DataLoaderOptions> = {}): Watched {
  const dataset = new FaultyDataset({ length: 24, broken, ...data });
  const loader = new DataLoader({ batchSize: 5, seed: 7, name: 'set', ...options, dataset });
  const dir = mkdtempSync(join(tmpdir(), 'lightbox-faults-'));
  const lines: string[] = [];
  loader.attach({ dir, line: (text) => lines.push(text) });
  opened.push(loader);
  return { loader, dir, lines };
}

const report = ({ dir }: Watched): Record<string, unknown>[] =>
  readFileSync(join(dir, 'faults.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const idsOf = (batches: Awaited<ReturnType<typeof collect>>): number[] =>
  batches.flatMap(({ batch }) => [...field(batch, 'id').data]);

const kinds = [{ fused: false }, { fused: true }, { slow: true }];

describe('faults: raise', () => {
  it.each(kinds)('ends with the error of the dataset: %j', async (data) => {
    await expect(collect(open(data).loader, 0, 24)).rejects.toThrow(/file \d+ is torn/);
  });
});

describe('faults: substitute', () => {
  it.each(kinds)('moves no other sample and reads others instead: %j', async (data) => {
    const whole = await collect(open({ ...data, broken: [] }).loader, 0, 48);
    const watched = open(data, { faults: 'substitute' });
    const batches = await collect(watched.loader, 0, 48);
    const [before, after] = [idsOf(whole), idsOf(batches)];
    expect(after).toHaveLength(48);
    before.forEach((id, position) => {
      if (!broken.includes(id)) expect(after[position]).toBe(id);
      else expect(broken).not.toContain(after[position]);
    });
    const records = report(watched);
    expect(records).toHaveLength(8);
    for (const record of records) {
      const position = Number(record.position);
      expect(record).toEqual({
        dataset: 'set',
        id: before[position],
        stage: 'train',
        epoch: Math.floor(position / 24),
        position,
        error: `file ${before[position]} is torn`,
        replaced_by: after[position],
      });
    }
    expect(watched.lines).toEqual([
      expect.stringMatching(/^Warning: a sample could not be read and is replaced.*faults\.jsonl$/),
      expect.stringMatching(/^Faults: 4 of 24 samples \(train, epoch 0\).*; 4 so far/),
      expect.stringMatching(/^Faults: 4 of 24 samples \(train, epoch 1\).*; 8 so far/),
    ]);
  });

  it('is the same for 0, 1, 2 and 3 threads, read at once or one by one', async () => {
    const results: string[] = [];
    for (const numWorkers of [0, 1, 2, 3]) {
      for (const fused of [false, true]) {
        const watched = open({ fused }, { faults: 'substitute', numWorkers });
        const batches = await collect(watched.loader, 0, 48);
        const texts = batches.map(({ batch }) => digest(batch));
        results.push(JSON.stringify([texts, report(watched)]));
      }
    }
    expect(new Set(results).size).toBe(1);
  });

  it('also covers transforms that fail, with the random numbers of the place', async () => {
    const transform = (sample: { id: number }): unknown => {
      if (sample.id === 5) throw new Error('cannot be decoded');
      return sample;
    };
    const watched = open({ broken: [] }, { faults: 'substitute', transform });
    await collect(watched.loader, 0, 24);
    expect(report(watched)).toMatchObject([{ id: 5, error: 'cannot be decoded' }]);
  });

  it.each([0, 2])(
    'repeats what was replaced although it can be read now: %i threads',
    async (n) => {
      const once = join(mkdtempSync(join(tmpdir(), 'lightbox-once-')), 'seen');
      const options = { faults: 'substitute', numWorkers: n } as const;
      const watched = open({ once }, options);
      const first = await collect(watched.loader, 0, 24);
      expect(report(watched)).toHaveLength(4);
      const again = await collect(watched.loader, 0, 24);
      expect(idsOf(again)).toEqual(idsOf(first));
      const state = JSON.parse(JSON.stringify(loaderState(watched.loader, 24))) as ReturnType<
        typeof loaderState
      >;
      const resumed = open({ once }, options);
      expect(restoreLoader(resumed.loader, state)).toBe(24);
      expect(idsOf(await collect(resumed.loader, 0, 24))).toEqual(idsOf(first));
      expect(resumed.loader.faultCount).toBe(4);
      // Without the state all of them are read.
      const fresh = open({ once }, options);
      expect(idsOf(await collect(fresh.loader, 0, 24))).not.toEqual(idsOf(first));
    },
  );

  it('gives up on a dataset of which nothing can be read', async () => {
    const { loader } = open(
      { broken: Array.from({ length: 24 }, (_, id) => id) },
      { faults: 'mask' },
    );
    await expect(collect(loader, 0, 24)).rejects.toMatchObject({
      code: 'ERR_DATA_FAULTS',
      message: expect.stringMatching(/nor can 20 others in its place: file \d+ is torn/),
    });
  });
});

describe('faults: mask', () => {
  it.each(kinds)('leaves zeros and says where: %j', async (data) => {
    const whole = idsOf(await collect(open({ ...data, broken: [] }).loader, 0, 24));
    const watched = open(data, { faults: 'mask' });
    const batches = await collect(watched.loader, 0, 24);
    const valid = batches.flatMap(({ batch }) => [...field(batch, 'valid').data]);
    const values = batches.flatMap(({ batch }) => [...field(batch, 'x').data]);
    whole.forEach((id, position) => {
      const read = !broken.includes(id);
      expect(valid[position]).toBe(read ? 1 : 0);
      expect(values.slice(2 * position, 2 * position + 2)).toEqual(read ? [id + 0.5, -id] : [0, 0]);
    });
    expect(report(watched)).toHaveLength(4);
    expect(report(watched)).toMatchObject([{ replaced_by: null }, {}, {}, {}]);
  });

  it('gives threads the same batches', async () => {
    const texts = [];
    for (const numWorkers of [0, 2]) {
      const { loader } = open({}, { faults: 'mask', numWorkers });
      texts.push((await collect(loader, 0, 48)).map(({ batch }) => digest(batch)));
    }
    expect(texts[1]).toEqual(texts[0]);
  });

  it('refuses samples that have such a field or no fields', async () => {
    const transform = (sample: object): object => ({ ...sample, valid: 1 });
    const { loader } = open({}, { faults: 'mask', transform });
    await expect(collect(loader, 0, 24)).rejects.toThrow(/adds a field "valid" to every batch/);
  });
});

describe('fault_limits', () => {
  it.each([
    [
      { perEpoch: 2 },
      /3 in this epoch \(fault_limits\.per_epoch: 2\).*raise fault_limits\.per_epoch/,
    ],
    [{ total: 5 }, /2 in this epoch.*6 in the run \(fault_limits\.total: 5\).*fault_limits\.total/],
    [{ consecutive: 1 }, /2 one after the other \(fault_limits\.consecutive: 1\)/],
  ])('end the run when exceeded: %j', async (faultLimits, message) => {
    const options = { faults: 'substitute', faultLimits, shuffle: false } as const;
    const failing = collect(open({}, options).loader, 0, 96);
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_DATA_FAULTS',
      message: expect.stringMatching(message),
    });
    await expect(failing).rejects.toThrow(
      'First sample 3 of dataset "set": file 3 is torn; sample 4 of dataset "set": file 4 is torn',
    );
  });

  it('are counted on after a resume', async () => {
    const options = { faults: 'substitute', faultLimits: { total: 5 } } as const;
    const { loader } = open({}, options);
    await collect(loader, 0, 24);
    const resumed = open({}, options);
    restoreLoader(resumed.loader, loaderState(loader, 24));
    await expect(collect(resumed.loader, 24, 48)).rejects.toThrow(/6 in the run/);
  });

  it('can be none', async () => {
    const faultLimits = { perEpoch: null, consecutive: null, total: null };
    const { loader } = open({}, { faults: 'substitute', faultLimits });
    await collect(loader, 0, 240);
    expect(loader.faultCount).toBe(40);
  });

  it('and policies are checked', () => {
    expect(() => open({}, { faults: 'skip' as 'mask' })).toThrow(
      'faults: expected raise, substitute or mask, got "skip".',
    );
    expect(() => open({}, { faults: 'mask', faultLimits: { total: -1 } })).toThrow(
      /fault_limits: expected .*: total/,
    );
  });
});
