import { describe, expect, it } from '@jest/globals';
import { makeRunPlan } from '../../../runtime/src/trainer/plan.ts';
import {
  resolveTrainerOptions,
  type TrainerOptions,
} from '../../../runtime/src/trainer/trainerOptions.ts';

function plan(options: TrainerOptions, batchesPerEpoch: number | null = 10, elapsed = 0) {
  return makeRunPlan(resolveTrainerOptions({ maxEpochs: 4, ...options }), {
    batchesPerEpoch,
    batchSize: 8,
    validates: true,
    secondsSinceValidation: () => elapsed,
  });
}

/** Updates after which a run of this plan validates. */
function validations(options: TrainerOptions, batchesPerEpoch = 10, epochs = 4): number[] {
  const made = plan(options, batchesPerEpoch);
  const found: number[] = [];
  let updates = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let batch = 0; batch < batchesPerEpoch; batch++) {
      if ((batch + 1) % made.accumulate === 0 || batch + 1 === batchesPerEpoch) updates++;
      if (made.validatesAfter(epoch, batch, updates)) found.push(updates);
    }
  }
  return found;
}

describe('makeRunPlan', () => {
  it.each<[string, TrainerOptions, number[]]>([
    ['default: the end of each epoch', {}, [10, 20, 30, 40]],
    ['every 2nd epoch', { checkValEveryNEpoch: 2 }, [20, 40]],
    ['updates, over epochs', { valCheckInterval: '15 updates' }, [15, 30]],
    ['batches, over epochs', { valCheckInterval: '12 batches' }, [12, 24, 36]],
    ['samples', { valCheckInterval: '100 samples' }, [13, 25, 38]],
    ['2 epochs', { valCheckInterval: '2 epochs' }, [20, 40]],
    ['half an epoch', { valCheckInterval: '0.5 epochs' }, [5, 10, 15, 20, 25, 30, 35, 40]],
    ['50%', { valCheckInterval: '50%' }, [5, 10, 15, 20, 25, 30, 35, 40]],
    [
      '30%: as Lightning, not at the end',
      { valCheckInterval: '30%', maxEpochs: 1 },
      [3, 6, 9, 13, 16, 19, 23, 26, 29, 33, 36, 39],
    ],
    [
      '50% of every 2nd epoch',
      { valCheckInterval: '50%', checkValEveryNEpoch: 2 },
      [15, 20, 35, 40],
    ],
    ['groups of 4, the last one short', { accumulateGradBatches: 4 }, [3, 6, 9, 12]],
    [
      'updates of groups, each once',
      { accumulateGradBatches: 4, valCheckInterval: '2 updates' },
      [2, 4, 6, 8, 10, 12],
    ],
  ])('validates: %s', (_name, options, expected) => {
    expect(validations(options)).toEqual(expected);
  });

  it('validates by the clock', () => {
    expect(plan({ valCheckInterval: '10 min' }, 10, 599).validatesAfter(0, 0, 1)).toBe(false);
    expect(plan({ valCheckInterval: '10 min' }, 10, 600).validatesAfter(0, 0, 1)).toBe(true);
  });

  it.each<[TrainerOptions, number | null, number | null]>([
    [{ maxEpochs: 3 }, 10, 30],
    [{ maxEpochs: 3, accumulateGradBatches: 4 }, 10, 9],
    [{ maxEpochs: 3, maxSteps: 7 }, 10, 7],
    [{ maxEpochs: 3, maxSteps: 700 }, 10, 30],
    [{ maxEpochs: null, maxSteps: 7 }, null, 7],
    [{ maxEpochs: null, maxTime: '1 min' }, null, null],
  ])('counts the updates of %j', (options, batches, expected) => {
    expect(plan(options, batches).totalUpdates).toBe(expected);
  });

  it('logs at least once an epoch by default', () => {
    expect(plan({}, 10).logEveryUpdates).toBe(10);
    expect(plan({}, 1000).logEveryUpdates).toBe(50);
    expect(plan({ maxSteps: 20 }, 1000).logEveryUpdates).toBe(20);
    expect(plan({ logEveryNSteps: 7 }, 1000).logEveryUpdates).toBe(7);
  });

  it.each<[string, TrainerOptions, number | null, RegExp]>([
    ['no limit', { maxEpochs: null }, 10, /max_epochs .* max_steps .* max_time/],
    ['data without end', {}, null, /Set max_steps, max_time/],
    ['no batches', {}, 0, /no batches: .* limit_train_batches is not 0/],
    [
      'two intervals',
      { valCheckInterval: '5 updates', checkValEveryNEpoch: 2 },
      10,
      /Keep one of them/,
    ],
    [
      'validations of validations',
      { valCheckInterval: '2 validations' },
      10,
      /counts the very thing/,
    ],
  ])('refuses %s', (_name, options, batches, message) => {
    expect(() => plan(options, batches)).toThrow(message);
  });

  it('says what will happen', () => {
    expect(
      plan({ valCheckInterval: '15 updates', accumulateGradBatches: 2, maxEpochs: 20 }).describe(),
    ).toEqual([
      'Plan: 20 epochs, epochs of 10 batches, 100 updates in all',
      '  each update averages 2 batches',
      '  validation after updates 15, 30, 45, ... (every 15 updates)',
      '  training values logged every 5 updates',
    ]);
  });
});
