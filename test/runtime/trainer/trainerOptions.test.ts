import { describe, expect, it } from '@jest/globals';
import { limitBatches } from '../../../runtime/src/trainer/limits.ts';
import { parseMaxTime } from '../../../runtime/src/trainer/maxTime.ts';
import { Trainer } from '../../../runtime/src/trainer/trainer.ts';
import {
  resolveTrainerOptions,
  trainerOptionsSchema,
  type TrainerOptions,
} from '../../../runtime/src/trainer/trainerOptions.ts';

describe('trainer options', () => {
  it.each<[TrainerOptions, RegExp]>([
    [{ valCheckInterval: 100 }, /"100 updates" or "100 batches"/],
    [{ limitTrainBatches: 0.25 }, /"25%" for a share/],
    [{ limitTrainBatches: 1.5 }, /"100%" for a share/],
    [{ limitTrainBatches: '120%' }, /got "120%"/],
    [{ devices: 2 }, /devices: several devices/],
    [{ strategy: 'ddp' }, /strategy: strategy "ddp"/],
    [{ syncBatchnorm: true }, /syncBatchnorm: there is one device/],
    [{ maxTime: '3 epochs' }, /max_time: expected a time/],
    [{ maxEpochs: 0 }, /maxEpochs/],
    [{ maxSteps: -1 }, /maxSteps/],
    [{ epochs: 3 } as TrainerOptions, /epochs/],
  ])('refuses %j', (options, message) => {
    expect(() => new Trainer(options)).toThrow(message);
  });

  it.each<TrainerOptions>([
    { precision: 32 },
    { precision: '32' },
    { precision: '32-true' },
    { devices: 'auto' },
    { devices: [0] },
    { devices: 1 },
  ])('takes %j, which means the only thing there is', (options) => {
    expect(() => resolveTrainerOptions(options)).not.toThrow();
  });

  it.each(['16-mixed', '16-true', '16', 16, 'bf16-mixed', 'bf16-true', 'bf16'])(
    'refuses precision %j, which nothing here computes in',
    (precision) => {
      const refusal = `precision ${JSON.stringify(precision)} is not available: weights, gradients`;
      expect(() => new Trainer({ precision })).toThrow(refusal);
    },
  );

  it.each<[string | number, string]>([
    ['64-true', 'TensorFlow.js has no 64-bit floats. Use "32-true"'],
    [64, 'TensorFlow.js has no 64-bit floats'],
    ['transformer-engine', 'a library of NVIDIA for PyTorch'],
    ['32-treu', 'expected "32-true". Did you mean "32-true"?'],
  ])('refuses precision %j and says why', (precision, reason) => {
    expect(() => new Trainer({ precision })).toThrow(reason);
  });

  it('names everything that is wrong at once', () => {
    expect(() => new Trainer({ devices: 2, strategy: 'ddp' })).toThrow(/devices[\s\S]*strategy/);
  });

  it('describes every flag', () => {
    const undescribed = Object.entries(trainerOptionsSchema.shape)
      .filter(([, schema]) => (schema.description ?? '') === '')
      .map(([name]) => name);
    expect(undescribed).toEqual([]);
  });
});

describe('limitBatches', () => {
  it.each<[number | null, number | string | null, number | null]>([
    [10, null, 10],
    [null, null, null],
    [10, 3, 3],
    [10, 30, 10],
    [null, 3, 3],
    [10, '30%', 3],
    [10, '100%', 10],
    [10, 0, 0],
    [10, '0%', 0],
  ])('%j batches limited to %j are %j', (total, limit, expected) => {
    expect(limitBatches(total, limit, 'limit_val_batches')).toBe(expected);
  });

  it('refuses a share that is no batch, and one of an unknown total', () => {
    expect(() => limitBatches(10, '5%', 'limit_val_batches')).toThrow(/less than one batch/);
    expect(() => limitBatches(null, '5%', 'limit_val_batches')).toThrow(/knows its length/);
  });
});

describe('parseMaxTime', () => {
  it.each([
    ['30 min', 1800],
    ['2 hours', 7200],
    ['00:12:00:00', 43200],
    ['1:0:0:5', 86405],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseMaxTime(text)).toBe(seconds);
  });
});
