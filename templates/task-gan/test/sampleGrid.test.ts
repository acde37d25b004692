import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Trainer } from 'lightbox-runtime';
import { DataLoader } from 'lightbox-runtime/data';
import { drawn, SampleGrid } from '../src/callbacks/sampleGrid.ts';
import { newModel, sampleDataset } from './samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'samples-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the sample grid', () => {
  it('is drawn after each validation', async () => {
    const dataset = sampleDataset(16);
    const trainer = new Trainer({
      maxEpochs: 2,
      defaultRootDir: folder,
      runName: 'drawn',
      logger: false,
      callbacks: [new SampleGrid({ samples: 4, nrow: 2 })],
    });
    await trainer.fit({
      module: newModel(),
      trainLoader: new DataLoader({ dataset, batchSize: 4, stage: 'train', seed: 3 }),
      valLoader: new DataLoader({ dataset, batchSize: 8, stage: 'validate' }),
    });
    const pictures = join(folder, 'drawn', 'version_0', 'media', 'samples');
    expect(existsSync(pictures) && readdirSync(pictures).sort()).toEqual([
      'step=4.png',
      'step=8.png',
    ]);
  });

  it('shows the same noise every time', () => {
    const model = newModel();
    expect(drawn(model, 4)).toEqual(drawn(model, 4));
    expect(drawn(model, 4).shape).toEqual([4, 28, 28, 1]);
    expect(model.training).toBe(newModel().training);
  });
});
