import { describe, expect, it } from '@jest/globals';
import { EarlyStopping } from '../../../runtime/src/callbacks/earlyStopping.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer } from '../trainer/tinyRun.ts';

async function stopsAfter(patience: string | number): Promise<number> {
  // A threshold of improvement that nothing reaches: the first validation stays the best.
  const stop = new EarlyStopping({ monitor: 'val/loss', minDelta: 1e6, patience });
  const options = { maxEpochs: 50, valCheckInterval: '2 updates', callbacks: [stop] };
  const trainer = await quietTrainer(options);
  const { counters } = await trainer.fit({
    module: new TinyModule(),
    trainLoader: tinyLoader(),
    valLoader: tinyLoader({ samples: 4, shuffle: false }),
  });
  return counters.updates.completed;
}

describe('patience of EarlyStopping', () => {
  it.each([
    [3, 8],
    ['3 validations', 8],
    ['7 updates', 10],
    ['2 epochs', 12],
  ])('%s ends training after update %i', async (patience, updates) => {
    expect(await stopsAfter(patience)).toBe(updates);
  });

  it.each(['500 batches', '25%', '100 samples'])('refuses %s', (patience) => {
    expect(() => new EarlyStopping({ monitor: 'val/loss', patience })).toThrow(/bare number/);
  });

  it('pauses instead of stopping when told to, and has all its patience again', async () => {
    const make = () =>
      new EarlyStopping({ monitor: 'val/loss', minDelta: 1e6, patience: 2, onPatience: 'pause' });
    const fit = async (ckptPath: string | null) => {
      const options = { maxEpochs: 6, valCheckInterval: '2 updates', callbacks: [make()] };
      const trainer = await quietTrainer(options);
      const data = { trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 4 }) };
      return trainer.fit({ module: new TinyModule(), ...data, ckptPath });
    };
    const first = await fit(null);
    expect(first).toMatchObject({ status: 'paused', exitCode: 0 });
    expect(first.reason).toMatch(/val\/loss has not improved/);
    expect(first.counters.validations.completed).toBe(3);
    const second = await fit(first.lastCheckpoint);
    expect(second.status).toBe('paused');
    expect(second.counters.validations.completed).toBe(5);
  });

  it('counts no value that is older than the validation', async () => {
    class Seldom extends TinyModule {
      override onValidationEpochEnd = (): void => {
        if (this.trainer.counters.validations.completed % 3 === 0) this.log('seldom', 1);
      };
    }
    const stop = new EarlyStopping({ monitor: 'val/seldom', patience: 2 });
    const options = { maxEpochs: 50, valCheckInterval: '2 updates', numSanityValSteps: 0 };
    const trainer = await quietTrainer({ ...options, callbacks: [stop] });
    const valLoader = tinyLoader({ samples: 4 });
    const { counters, status } = await trainer.fit({
      module: new Seldom(),
      trainLoader: tinyLoader(),
      valLoader,
    });
    // Logged in the validations 1, 4 and 7: the first is the best, and two more are waited for.
    expect([status, counters.validations.completed]).toEqual(['stopped', 7]);
  });

  it('waits for a metric that comes later when it is not strict', async () => {
    const run = async (strict: boolean) => {
      const stop = new EarlyStopping({ monitor: 'val/late', strict });
      const trainer = await quietTrainer({ maxEpochs: 1, callbacks: [stop] });
      const module = new TinyModule();
      const valLoader = tinyLoader({ samples: 4 });
      return trainer.fit({ module, trainLoader: tinyLoader(), valLoader });
    };
    expect((await run(false)).status).toBe('finished');
    await expect(run(true)).rejects.toThrow(/"val\/late" was not logged/);
  });
});
