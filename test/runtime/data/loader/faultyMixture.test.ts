import { describe, expect, it } from '@jest/globals';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import { collect, field } from '../batches.ts';
import { FaultyDataset } from './faultyDataset.ts';

describe('faults in a mixture', () => {
  const make = (faults: 'raise' | 'substitute' | 'mask'): MultiDatasetModule =>
    new MultiDatasetModule({
      datasets: {
        good: new FaultyDataset({ length: 30, broken: [] }),
        bad: new FaultyDataset({ length: 20, broken: [0, 9] }),
      },
      modalityDropout: { x: 0.5, id: 0 },
      batchSize: 4,
      faults,
    });

  it('are replaced within their dataset, and found before training too', async () => {
    const module = make('substitute');
    // Reads sample 0 of each dataset.
    await module.setup('fit');
    const loader = module.trainDataloader();
    const batches = await collect(loader, 0, loader.samplesPerEpoch ?? 0);
    let replaced = 0;
    for (const { batch } of batches) {
      field(batch, 'id').data.forEach((id, row) => {
        if (field(batch, 'source').data[row] !== 1) return;
        expect([0, 9]).not.toContain(id);
        replaced++;
      });
    }
    expect(replaced).toBeGreaterThanOrEqual(20);
  });

  it('are masked beside dropped modalities', async () => {
    const loader = make('mask').trainDataloader();
    const batches = await collect(loader, 0, loader.samplesPerEpoch ?? 0);
    const valid = batches.flatMap(({ batch }) => [...field(batch, 'valid').data]);
    expect(valid.filter((value) => value === 0)).toHaveLength(2);
    expect(Object.keys(batches[0].batch.data as object).sort()).toEqual(
      ['id', 'id_mask', 'source', 'valid', 'x', 'x_mask'].sort(),
    );
  });

  it('end the run unless told otherwise', async () => {
    await expect(make('raise').setup('fit')).rejects.toThrow('file 0 is torn');
  });
});
