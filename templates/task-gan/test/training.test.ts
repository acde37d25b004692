import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Callback, type TrainModule } from 'lightbox-runtime';
import { compareImages } from '../src/models/compareImages.ts';
import { newModel, sampleBatch } from './samples.ts';
import { trainTiny } from './tinyTraining.ts';

const folder = mkdtempSync(join(tmpdir(), 'training-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function distanceOf(model: ReturnType<typeof newModel>): number {
  const made = model.forward(model.fixedNoise(10, 0));
  return compareImages(sampleBatch(10), made).distance.dataSync()[0];
}

/** Weights of one network, by the beginning of their names. */
function weightsOf(module: TrainModule, network: string): number[] {
  return module
    .parameters()
    .filter(({ name }) => name.startsWith(network))
    .flatMap(({ variable }) => [...variable.dataSync()]);
}

describe('training', () => {
  it('brings made images nearer to the real ones', async () => {
    const model = newModel();
    const before = distanceOf(model);
    const { counters } = await trainTiny(model, { folder, steps: 120, samples: 40 });
    expect(counters.updates.completed).toBe(120);
    expect(distanceOf(model)).toBeLessThan(0.7 * before);
  });

  it('updates both networks in each update, and logs both losses', async () => {
    const model = newModel();
    const seen: string[] = [];
    const watch: Callback = {
      onBeforeOptimizerStep: (_context, round) => void seen.push(String(round)),
    };
    const before = ['critic', 'generator'].map((network) => weightsOf(model, network));
    const { metrics } = await trainTiny(model, { folder, steps: 2, callbacks: [watch] });
    expect(seen).toEqual(['critic', 'generator', 'critic', 'generator']);
    expect(weightsOf(model, 'critic')).not.toEqual(before[0]);
    expect(weightsOf(model, 'generator')).not.toEqual(before[1]);
    expect(Object.keys(metrics)).toEqual(
      expect.arrayContaining(['train/loss_critic', 'train/loss_generator']),
    );
  });

  it('is the same again with the same seed', async () => {
    const once = await trainTiny(newModel(), { folder, steps: 5 });
    const again = await trainTiny(newModel(), { folder, steps: 5 });
    expect(again.metrics['train/loss_critic']).toBe(once.metrics['train/loss_critic']);
  });
});
