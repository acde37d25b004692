import { describe, expect, it } from '@jest/globals';
import { MemoryStorage, Study, TrialPruned } from '../../../runtime/src/hpo/index.ts';

describe('optimize', () => {
  it('tells callbacks of every trial and ends when asked to', async () => {
    const study = await Study.create();
    const seen: [number, string][] = [];
    await study.optimize(
      (trial) => {
        if (trial.number === 1) throw new TrialPruned();
        return trial.suggestFloat('x', 0, 1);
      },
      10,
      [
        (same, trial) => {
          seen.push([trial.number, trial.state]);
          if (trial.number === 2) same.stop();
        },
      ],
    );
    expect(seen).toEqual([
      [0, 'COMPLETE'],
      [1, 'PRUNED'],
      [2, 'COMPLETE'],
    ]);
    await study.optimize(() => 1, 2);
    expect(await study.trials()).toHaveLength(5);
  });

  it('leaves nothing behind that is yet to come to the disk, not even when it fails', async () => {
    const storage = new MemoryStorage();
    let flushed = 0;
    storage.flush = () => {
      flushed++;
      return Promise.resolve();
    };
    const study = await Study.create({ storage });
    await study.optimize(() => 1, 2);
    expect(flushed).toBe(1);
    const failing = study.optimize(() => {
      throw new Error('no');
    }, 2);
    await expect(failing).rejects.toThrow('no');
    expect(flushed).toBe(2);
  });
});

describe('the Pareto front', () => {
  it('has the feasible trials that none beats', async () => {
    const study = await Study.create({ directions: ['minimize', 'maximize'] });
    const values = [
      [1, 1],
      [2, 3],
      [2, 2],
      [1, 1],
      [0, 9],
    ];
    for (const [number, pair] of values.entries()) {
      const trial = await study.ask();
      await trial.setConstraint('size', number === 4 ? 0.1 : 0);
      await study.tell(trial, pair);
    }
    expect((await study.bestTrials()).map((trial) => trial.number)).toEqual([0, 1, 3]);
  });
});
