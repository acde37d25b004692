import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { GradientAccumulationScheduler } from '../../../runtime/src/callbacks/gradientAccumulationScheduler.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { SGD, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { Linear } from '../../../runtime/src/core/schedulers/index.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { planAccumulation } from '../../../runtime/src/trainer/accumulationPlan.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import {
  quietTrainer,
  recordingTerminal,
  temporaryFolder,
  weightBits,
} from '../trainer/tinyRun.ts';

describe('planAccumulation', () => {
  const schedules = {
    'in epochs': { 0: 4, 2: 3, 3: 1 },
    'in updates': { '0 updates': 4, '3 updates': 3, '6 updates': 2, '30 updates': 1 },
    'from later on': { '2 epochs': 2 },
  };
  it.each(Object.entries(schedules))(
    'counts as a walk over all batches does, %s',
    (_, scheduling) => {
      const steps = new GradientAccumulationScheduler({ scheduling }).accumulation;
      for (const batches of [1, 5, 7, 12]) {
        const plan = planAccumulation(steps, batches);
        let updates = 0;
        for (let epoch = 0; epoch < 9; epoch++) {
          expect(plan.updatesBefore(epoch)).toBe(updates);
          let inGroup = 0;
          for (let batch = 0; batch < batches; batch++) {
            const at = steps[0].unit === 'epochs' ? epoch : updates;
            const { factor } = steps.findLast(({ from }) => from <= at) ?? steps[0];
            inGroup++;
            const ends = inGroup === factor || batch + 1 === batches;
            expect(plan.endsGroup(epoch, batch)).toBe(ends);
            if (!ends) continue;
            updates++;
            inGroup = 0;
          }
        }
      }
    },
  );
});

class Scheduled extends TinyModule {
  override configureOptimizers(): OptimizerConfig {
    return {
      optimizer: new SGD({ lr: 0.1 }),
      scheduler: new Linear({ startFactor: 1, endFactor: 0 }),
    };
  }
}

class Watch implements Callback {
  readonly saving = true;
  readonly rates: number[] = [];
  path = '';
  #updates = 0;
  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.globalStep > this.#updates) this.rates.push(context.optimizers[0].lr);
    this.#updates = context.globalStep;
    if (context.counters.batches.completed !== 7) return;
    this.path = await context.saveCheckpoint(join(await temporaryFolder(), 'middle'));
  }
}

async function train(options: TrainerOptions, ckptPath: string | null = null) {
  const module = new Scheduled({ dropout: 0.3 });
  const terminal = recordingTerminal();
  const trainer = await quietTrainer({ maxEpochs: 4, ...options }, { terminal });
  const { counters } = await trainer.fit({
    module,
    trainLoader: tinyLoader({ samples: 18 }),
    ckptPath,
  });
  return { bits: weightBits(module), updates: counters.updates.completed, lines: terminal.lines };
}

describe('GradientAccumulationScheduler', () => {
  it('accumulates as the trainer flag does', async () => {
    const flag = await train({ accumulateGradBatches: 2 });
    const callbacks = [new GradientAccumulationScheduler({ scheduling: { 0: 2 } })];
    expect((await train({ callbacks })).bits).toEqual(flag.bits);
  });

  it('is known to the plan and to learning-rate schedules', async () => {
    const scheduler = new GradientAccumulationScheduler({ scheduling: { 0: 5, 1: 2, 3: 1 } });
    const watch = new Watch();
    const { updates, lines } = await train({ callbacks: [scheduler, watch] });
    expect(updates).toBe(1 + 3 + 3 + 5);
    expect(lines.join('\n')).toContain('12 updates in all');
    expect(lines.join('\n')).toContain('averages at most 5 batches, by schedule');
    expect(watch.rates).toHaveLength(12);
    watch.rates.forEach((rate, index) => {
      expect(rate).toBeCloseTo(0.1 * (1 - index / 12), 8);
    });
  });

  it.each<Record<string, number>>([
    { 0: 3, 2: 2 },
    { '0 updates': 3, '2 updates': 2 },
  ])('goes on exactly inside a group, %j', async (scheduling) => {
    const make = () => new GradientAccumulationScheduler({ scheduling });
    const watch = new Watch();
    const whole = await train({ callbacks: [make(), watch] });
    const resumed = await train({ callbacks: [make()] }, watch.path);
    expect(resumed.bits).toEqual(whole.bits);
    expect(resumed.updates).toBe(whole.updates);
  });

  it.each([
    [{ scheduling: { 0: 2, '5 updates': 1 } }, {}],
    [{ scheduling: { '30 min': 2 } }, {}],
    [{ scheduling: { 0: 2 } }, { accumulateGradBatches: 4 }],
  ])('refuses %j with %j', async (options, flags) => {
    const run = async () =>
      train({ ...flags, callbacks: [new GradientAccumulationScheduler(options)] });
    await expect(run()).rejects.toThrow(expect.objectContaining({ code: 'ERR_ACCUMULATION' }));
  });
});
