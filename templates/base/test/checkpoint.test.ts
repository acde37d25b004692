import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Callback, type TrainModule } from 'lightbox-runtime';
import { newModel } from './samples.ts';
import { trainTiny } from './tinyTraining.ts';

const folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function weightsOf(module: TrainModule): [string, number[]][] {
  return module.parameters().map(({ name, variable }) => [name, [...variable.dataSync()]]);
}

describe('checkpoints', () => {
  it('continue a run as if it had never stopped', async () => {
    const whole = newModel();
    await trainTiny(whole, { folder, steps: 10 });

    const interrupted = newModel();
    const pause: Callback = {
      onTrainBatchEnd: (context) => {
        if (context.globalStep === 6) context.requestPause('test');
      },
    };
    const first = await trainTiny(interrupted, { folder, steps: 10, callbacks: [pause] });
    expect(first.counters.updates.completed).toBe(6);
    expect(weightsOf(interrupted)).not.toEqual(weightsOf(whole));

    // Other first weights: all that counts has to come from the file.
    const resumed = newModel(2);
    const ckptPath = first.lastCheckpoint ?? '';
    const second = await trainTiny(resumed, { folder, steps: 10, ckptPath });
    expect(second.counters.updates.completed).toBe(10);
    expect(weightsOf(resumed)).toEqual(weightsOf(whole));
  });

  it('that do not exist are named', async () => {
    const ckptPath = join(folder, 'nowhere.safetensors');
    await expect(trainTiny(newModel(), { folder, steps: 1, ckptPath })).rejects.toThrow('nowhere');
  });
});
