import { describe, expect, it } from '@jest/globals';
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import {
  StreamDataset,
  type ShardSource,
} from '../../../../runtime/src/data/streams/streamDataset.ts';
import { collect, digest, field } from '../batches.ts';

const lengths = [23, 0, 40, 7, 31, 18];
const total = 119;

interface Counted extends ShardSource<{ x: number }> {
  read: number;
  opened: number;
}

/** Counts what is read; sample x is 1000 * shard + offset. */
function source(): Counted {
  const counted: Counted = {
    lengths,
    read: 0,
    opened: 0,
    async *open(shard, offset) {
      counted.opened++;
      for (let at = offset; at < lengths[shard]; at++) {
        await Promise.resolve();
        counted.read++;
        yield { x: 1000 * shard + at };
      }
    },
  };
  return counted;
}

const options = { window: 4, inFlight: 3 };
const loader = (from: Counted, batchSize = 5): DataLoader =>
  new DataLoader({ dataset: new StreamDataset(from, options), batchSize, seed: 2 });

const values = async (from: Counted, t: number, end: number): Promise<number[]> =>
  (await collect(loader(from), t, end)).flatMap(({ batch }) => [...field(batch, 'x').data]);

describe('StreamDataset', () => {
  it('gives every sample once an epoch, each epoch in another order', async () => {
    const from = source();
    const ids = await values(from, 0, 2 * total);
    const expected = lengths.flatMap((length, shard) =>
      Array.from({ length }, (_, offset) => 1000 * shard + offset),
    );
    const epochs = [ids.slice(0, total), ids.slice(total)];
    for (const epoch of epochs) {
      expect([...epoch].sort((a, b) => a - b)).toEqual(expected);
      expect(epoch).not.toEqual(expected);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('reads every shard forwards, once an epoch', async () => {
    const from = source();
    await values(from, 0, total);
    expect(from.read).toBe(total);
    expect(from.opened).toBe(5);
  });

  it('resumes at every batch, reading no more than the open windows again', async () => {
    const whole = await collect(loader(source()), 0, 2 * total);
    for (const [k, { t }] of whole.entries()) {
      const from = source();
      const rest = await collect(loader(from), t, 2 * total);
      expect(rest.map(({ batch }) => digest(batch))).toEqual(
        whole.slice(k).map(({ batch }) => digest(batch)),
      );
      expect(from.read).toBeLessThanOrEqual(2 * total - t + options.window * options.inFlight);
    }
  });

  it('keeps few windows in memory', async () => {
    const held = new Set<number>();
    let most = 0;
    const from = source();
    const dataset = new StreamDataset(
      {
        lengths,
        *open(shard, offset) {
          for (let at = offset; at < lengths[shard]; at++) {
            held.add(1000 * shard + at);
            most = Math.max(most, held.size);
            yield { x: 1000 * shard + at };
          }
        },
      },
      options,
    );
    for await (const batch of new DataLoader({ dataset, batchSize: 1, seed: 2 }).iterate(0)) {
      held.delete(field(batch, 'x').data[0]);
    }
    expect(from.opened).toBe(0);
    expect(held.size).toBe(0);
    expect(most).toBeLessThanOrEqual(options.window * options.inFlight);
  });

  it('says which shard is shorter than announced', async () => {
    const short: ShardSource = { lengths: [3, 5], open: (_, at) => [1, 2, 3].slice(at) };
    const dataset = new StreamDataset(short, { window: 2, inFlight: 1 });
    await expect(dataset.get(7)).rejects.toThrow(
      /Shard 1 has no sample 4, but its length is given as 5/,
    );
    await expect(dataset.get(8)).rejects.toThrow(RangeError);
  });

  it.each([{ window: 0 }, { inFlight: 1.5 }])('refuses %j', (wrong) => {
    const dataset = new StreamDataset(source(), wrong);
    expect(() => new DataLoader({ dataset, name: 'web' })).toThrow(
      /shards of dataset "web": (window|inFlight) must be a whole number/,
    );
  });
});
