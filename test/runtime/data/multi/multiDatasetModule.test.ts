import { describe, expect, it } from '@jest/globals';
import type { LoadedBatch, Loader } from '../../../../runtime/src/core/loader.ts';
import { ArrayDataset } from '../../../../runtime/src/data/datasets/derived.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { MultiDatasetInput } from '../../../../runtime/src/data/multi/multiDatasetOptions.ts';
import { collect, field } from '../batches.ts';

function table(size: number, first: number, width = 2): TensorDataset {
  return new TensorDataset({
    rgb: {
      data: Float32Array.from({ length: size * width }, (_, i) => first + i),
      shape: [size, width],
      dtype: 'float32',
    },
    depth: Float32Array.from({ length: size }, (_, i) => first + i),
    label: Int32Array.from({ length: size }, (_, i) => i),
  });
}

const datasets = { near: table(300, 1), far: table(60, 10_000) };
const make = (options: Partial<MultiDatasetInput> = {}): MultiDatasetModule =>
  new MultiDatasetModule({ datasets, batchSize: 16, ...options });

async function epoch(loader: Loader): Promise<LoadedBatch[]> {
  return (await collect(loader, 0, loader.samplesPerEpoch ?? 0)).map(({ batch }) => batch);
}

const column = (batches: readonly LoadedBatch[], name: string): number[] =>
  batches.flatMap((batch) => [...field(batch, name).data]);

describe('MultiDatasetModule', () => {
  it('mixes by weight and says where each sample is from', async () => {
    const batches = await epoch(make({ datasetWeights: [3, 1] }).trainDataloader());
    const sources = column(batches, 'source');
    const depths = column(batches, 'depth');
    expect(sources).toHaveLength(237);
    expect(sources.filter((source) => source === 1)).toHaveLength(60);
    expect(sources).toEqual(depths.map((depth) => (depth >= 10_000 ? 1 : 0)));
    expect(new Set(depths).size).toBe(237);
  });

  it.each([
    { options: {}, samples: 119, shares: [0.5, 0.5] },
    { options: { datasetWeights: { far: 1, near: 5 } }, samples: 355, shares: [5 / 6, 1 / 6] },
    { options: { temperature: 1 }, samples: 355, shares: [5 / 6, 1 / 6] },
    { options: { stop: 'all_exhausted' as const }, samples: 599, shares: [0.5, 0.5] },
    { options: { epochSize: 50 }, samples: 50, shares: [0.5, 0.5] },
    { options: { datasetWeights: [1, 0] }, samples: 300, shares: [1, 0] },
  ])('plans $options', ({ options, samples, shares }) => {
    const module = make(options);
    const plan = module.plan();
    expect(Math.abs((module.trainDataloader().samplesPerEpoch ?? 0) - samples)).toBeLessThanOrEqual(
      2,
    );
    plan.forEach(({ weight, samplesPerEpoch, passesPerEpoch, samples: size }, index) => {
      expect(weight).toBeCloseTo(shares[index], 4);
      expect(Math.abs(samplesPerEpoch - samples * shares[index])).toBeLessThanOrEqual(2);
      expect(passesPerEpoch).toBeCloseTo(samplesPerEpoch / size, 10);
    });
  });

  it('describes the plan in lines', () => {
    const lines = make({ datasetWeights: [3, 1] }).describe();
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('2 datasets, 237 samples an epoch (first_exhausted, seed 42)');
    expect(lines[2]).toMatch(/far +60 samples, +25\.00 %: +60 an epoch = 1\.00 passes/);
  });

  it('drops modalities with their masks, keeping at least one', async () => {
    const modalityDropout = { rgb: 0.5, depth: 0.8 };
    const batches = await epoch(
      make({ datasetWeights: [5, 1], modalityDropout }).trainDataloader(),
    );
    const rgbMask = column(batches, 'rgb_mask');
    const depthMask = column(batches, 'depth_mask');
    const rgb = column(batches, 'rgb');
    rgbMask.forEach((present, row) => {
      expect(present === 0).toBe(rgb[2 * row] === 0 && rgb[2 * row + 1] === 0);
      expect(present + depthMask[row]).toBeGreaterThan(0);
    });
    column(batches, 'depth').forEach((depth, row) => {
      expect(depth === 0).toBe(depthMask[row] === 0);
    });
    // Both fall in 0.4 of the cases, then one of them at random stays.
    const kept = (mask: number[]): number => mask.reduce((a, b) => a + b) / mask.length;
    expect(kept(rgbMask)).toBeCloseTo(0.5 + 0.2, 0);
    expect(Math.abs(kept(rgbMask) - 0.7)).toBeLessThan(0.1);
    expect(Math.abs(kept(depthMask) - 0.4)).toBeLessThan(0.1);
  });

  it('never drops required modalities, nor any in validation, where masks are 1', async () => {
    const module = make({
      modalityDropout: { rgb: 0, depth: 1 },
      valDatasets: { near: table(20, 1) },
    });
    const train = await epoch(module.trainDataloader());
    expect(new Set(column(train, 'rgb_mask'))).toEqual(new Set([1]));
    expect(new Set(column(train, 'depth_mask'))).toEqual(new Set([0]));
    const val = await epoch(module.valDataloader().near);
    expect(new Set(column(val, 'depth_mask'))).toEqual(new Set([1]));
    expect(column(val, 'depth')).toEqual(Array.from({ length: 20 }, (_, i) => 1 + i));
  });

  it('validates and tests each dataset by name', async () => {
    const module = make({
      valDatasets: { far: table(5, 0) },
      testDatasets: { near: table(7, 0), other: table(8, 0) },
    });
    expect(Object.keys(module.valDataloader())).toEqual(['far']);
    const test = module.testDataloader();
    expect(Object.keys(test)).toEqual(['near', 'other']);
    expect(column(await epoch(module.valDataloader().far), 'source')).toEqual([1, 1, 1, 1, 1]);
    expect(make().valDataloader()).toEqual({});
    expect(() => make().testDataloader()).toThrow(/test_datasets names no dataset/);
  });

  it('sets validation samples aside that training never sees', async () => {
    const module = make({ valFraction: 0.1, datasetWeights: [5, 1], stop: 'all_exhausted' });
    const train = new Set(column(await epoch(module.trainDataloader()), 'depth'));
    const loaders = module.valDataloader();
    const val = [
      ...column(await epoch(loaders.near), 'depth'),
      ...column(await epoch(loaders.far), 'depth'),
    ];
    expect(val).toHaveLength(36);
    expect(val.filter((depth) => train.has(depth))).toEqual([]);
    expect(train.size).toBe(324);
  });

  it('accepts what the upstream configuration sets to neutral values', () => {
    expect(() =>
      make({ contextLength: 1, arSteps: 0, resolution: null, numWorkers: 'auto', pinMemory: true }),
    ).not.toThrow();
  });

  it.each([
    { options: { datasets: {} }, message: /datasets is empty/ },
    {
      options: { datasets: ['tartanair', 'nyu'] },
      message: /datasets is a list \(tartanair, nyu\)/,
    },
    { options: { datasets: { a: 5 } }, message: /datasets\.a: expected a dataset/ },
    { options: { datasets: { a: new ArrayDataset([]) } }, message: /"a" is empty/ },
    { options: { datasetWeights: [0, 0] }, message: /All dataset weights are 0 \(near, far\)/ },
    { options: { datasetWeights: [1, -2] }, message: /"far" must be a number >= 0, got -2/ },
    { options: { datasetWeights: [1] }, message: /Expected 2 dataset weights/ },
    {
      options: { datasetWeights: { near: 1, fra: 1 } },
      message: /names "fra".*Did you mean "far"/,
    },
    { options: { datasetWeights: { near: 1 } }, message: /no weight for "far"/ },
    { options: { datasetWeights: [1, 1], temperature: 2 }, message: /not both/ },
    {
      options: { modalityDropout: { rgb: 1.5 } },
      message: /modality_dropout\.rgb must be a probability/,
    },
    { options: { modalityDropout: { rgb: 0.1 } }, message: /names only "rgb"/ },
    {
      options: { contextLength: 8 },
      message:
        /"near" does not say where its episodes end.*context_length 8.*lightbox\.data\.Episodes/,
    },
    { options: { arSteps: 2 }, message: /"near".*ar_steps 2/ },
    { options: { contextLength: 0 }, message: /contextLength/ },
    { options: { resolution: [0, 160] }, message: /resolution/ },
    {
      options: { datasetWeights: [1, Number.NaN] },
      message: /"far" must be a number >= 0, got NaN/,
    },
    {
      options: { datasetWeights: { near: Number.NaN, far: 1 } },
      message: /"near" must be a number >= 0, got NaN/,
    },
    {
      options: { datasetWeights: [{ weights: [1, 1] }, 3] },
      message: /lists numbers and stages/,
    },
    {
      options: { datasetWeights: [{ weights: { near: 1, fra: 1 } }] },
      message: /names "fra".*Did you mean "far"/,
    },
    {
      options: { datasetWeights: [{ weights: [1, 1] }, { fromEpoch: 1, weights: [0, 0] }] },
      message: /All dataset weights are 0/,
    },
    { options: { rank: 2, ranks: 2 }, message: /rank must be/, late: true },
    {
      options: { mixing: 'iid', stop: 'all_exhausted_without_replacement' },
      message: /iid/,
      late: true,
    },
    { options: { prefetch: 0 }, message: /prefetch/ },
    { options: { batchsize: 4 }, message: /unknown option "batchsize". Did you mean "batchSize"/ },
    { options: { valFraction: 0.999 }, message: /would leave none to train on/, late: true },
  ])('refuses $options', ({ options, message, late }) => {
    const build = (): unknown => {
      const module = make(options as Partial<MultiDatasetInput>);
      if (late !== true) return module;
      module.valDataloader();
      return module.trainDataloader();
    };
    expect(build).toThrow(message);
  });

  it('refuses datasets that do not fit together, naming both and the field', async () => {
    const columns = make({ datasets: { near: table(4, 0), wide: table(4, 0, 3) } });
    await expect(columns.setup('fit')).rejects.toThrow(
      /"near" and "wide" cannot share batches: field "rgb" is float32 \[2\] in "near" and float32 \[3\] in "wide"/,
    );
    const samples = make({
      datasets: {
        near: new ArrayDataset([{ x: Float32Array.of(1) }]),
        wide: new ArrayDataset([{ x: Float32Array.of(1, 2) }]),
      },
    });
    await expect(samples.setup('fit')).rejects.toThrow(
      /Field "x" of sample 0 of dataset "wide": expected float32 \[1\] as in sample 0 of dataset "near"/,
    );
  });

  it('refuses unknown modalities and samples that are no objects at setup', async () => {
    const unknown = make({ modalityDropout: { rgb: 0, dept: 0.5 } });
    await expect(unknown.setup('fit')).rejects.toThrow(/names "dept".*Did you mean "depth"/);
    const plain = make({ datasets: { a: new ArrayDataset([1, 2]) } });
    await expect(plain.setup('fit')).rejects.toThrow(/samples that are objects/);
    await expect(make().setup('fit')).resolves.toBeUndefined();
  });
});
