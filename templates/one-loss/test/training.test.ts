import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { newModel } from './samples.ts';
import { trainTiny } from './tinyTraining.ts';

const folder = mkdtempSync(join(tmpdir(), 'training-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('training', () => {
  it('learns one batch by heart', async () => {
    const first = await trainTiny(newModel(), { folder, steps: 1, samples: 4 });
    const last = await trainTiny(newModel(), { folder, steps: 120, samples: 4 });
    expect(last.counters.updates.completed).toBe(120);
    expect(last.metrics['train/loss']).toBeLessThan(0.2 * first.metrics['train/loss']);
  });

  it('is the same again with the same seed', async () => {
    const once = await trainTiny(newModel(), { folder, steps: 5 });
    const again = await trainTiny(newModel(), { folder, steps: 5 });
    expect(again.metrics['train/loss']).toBe(once.metrics['train/loss']);
  });
});
