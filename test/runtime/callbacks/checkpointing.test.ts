import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { EarlyStopping, decideEarlyStop } from '../../../runtime/src/callbacks/earlyStopping.ts';
import {
  ModelCheckpoint,
  type ModelCheckpointOptions,
} from '../../../runtime/src/callbacks/modelCheckpoint.ts';
import { rankCheckpoints } from '../../../runtime/src/callbacks/rankCheckpoints.ts';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';
import { quietTrainer, temporaryFolder, weightBits } from '../trainer/tinyRun.ts';

/** Logs the given values as `val/score`, one for each validation. */
class Scripted extends TinyModule {
  readonly #scores: readonly number[];

  constructor(scores: readonly number[]) {
    super({ lr: 0.01 });
    this.#scores = scores;
  }

  override validationStep(): void {
    this.log('score', this.#scores[this.trainer.counters.validations.completed] ?? 0);
  }
}

/** Large enough for its optimizer's state to be written from where it is. */
class Wide extends TinyModule {
  readonly wide = tf.variable(tf.fill([300_000], 0.5));
  readonly optimizer = new AdamW({ lr: 0.01 });

  override trainingStep(batch: unknown): tf.Scalar {
    return tf.add<tf.Scalar>(super.trainingStep(batch), tf.mean(tf.square(this.wide)));
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: this.optimizer };
  }
}

async function fitScripted(
  scores: readonly number[],
  callbacks: Callback[],
  options: TrainerOptions = {},
) {
  const trainer = await quietTrainer({
    maxEpochs: scores.length,
    limitTrainBatches: 1,
    numSanityValSteps: 1,
    callbacks,
    ...options,
  });
  const module = new Scripted(scores);
  const data = { trainLoader: tinyLoader(), valLoader: tinyLoader({ samples: 4 }) };
  return { result: await trainer.fit({ module, ...data }), trainer, module };
}

async function filesOf(runDir: string): Promise<string[]> {
  const names = await readdir(join(runDir, 'checkpoints'));
  return names.filter((name) => name.endsWith('.safetensors')).toSorted();
}

async function saved(scores: readonly number[], options: ModelCheckpointOptions) {
  const callback = new ModelCheckpoint(options);
  const { result } = await fitScripted(scores, [callback]);
  return { files: await filesOf(result.runDir), callback, result };
}

describe('ModelCheckpoint', () => {
  it('keeps the best and the newest', async () => {
    const { files, callback, result } = await saved([3, 1, 2], { monitor: 'val/score' });
    expect(files).toEqual(['epoch=1-step=2.safetensors', 'last.safetensors']);
    expect(callback.bestModelScore).toBe(1);
    expect(basename(result.bestCheckpoint ?? '')).toBe('epoch=1-step=2.safetensors');
    const { info } = await readCheckpoint(join(result.runDir, 'checkpoints/last.safetensors'));
    expect(info.step).toBe(3);
  });

  it.each<[string, ModelCheckpointOptions, string[]]>([
    ['the two best, largest first', { saveTopK: 2, mode: 'max' }, ['epoch=0', 'epoch=2']],
    ['all', { saveTopK: -1 }, ['epoch=0', 'epoch=1', 'epoch=2', 'epoch=3']],
    ['none but the last', { saveTopK: 0, saveLast: true }, ['last']],
    ['the best in every second validation', { every: '2 validations' }, ['epoch=1']],
  ])('keeps %s', async (_name, options, expected) => {
    const settings = { monitor: 'val/score', saveLast: false, filename: '{epoch}', ...options };
    const { files } = await saved([3, 1, 2, 1.5], settings);
    expect(files).toEqual(expected.map((name) => `${name}.safetensors`));
  });

  it.each<[ModelCheckpointOptions, string[]]>([
    [{ every: '2 updates', saveTopK: -1 }, ['step=2', 'step=4']],
    [{ every: '3 epochs', saveTopK: -1 }, ['step=3']],
    [{ saveTopK: 1 }, ['step=4']],
  ])('saves without a monitor: %j', async (options, expected) => {
    const { files } = await saved([0, 0, 0, 0], {
      filename: '{step}',
      saveLast: false,
      ...options,
    });
    expect(files).toEqual(expected.map((name) => `${name}.safetensors`));
  });

  it('writes the optimizer of its moment, however training goes on', async () => {
    const module = new Wide();
    const expected = new Map<number, Record<string, Float32Array>>();
    const remember: Callback = {
      onTrainBatchEnd: ({ globalStep }) => {
        expected.set(globalStep, structuredClone(module.optimizer.stateTensors()));
      },
    };
    const every = new ModelCheckpoint({ every: '1 updates', saveTopK: -1, filename: '{step}' });
    const trainer = await quietTrainer({ maxSteps: 12, callbacks: [remember, every] });
    const { runDir } = await trainer.fit({ module, trainLoader: tinyLoader({ samples: 48 }) });
    for (const [step, state] of expected) {
      const file = join(runDir, `checkpoints/step=${step}.safetensors`);
      const { tensors } = await readCheckpoint(file);
      for (const [name, values] of Object.entries(state)) {
        const saved = tensors.get(`optim/default/${name}`)?.data as Float32Array;
        expect(saved.findIndex((value, index) => value !== values[index])).toBe(-1);
        expect(saved).toHaveLength(values.length);
      }
    }
    expect(expected.size).toBe(12);
  });

  it('saves by the clock, over a resume too', async () => {
    let now = 0;
    const tick: Callback = { onTrainBatchEnd: () => void (now += 4000) };
    const timed = () => new ModelCheckpoint({ every: '10 s', filename: '{step}', saveTopK: -1 });
    const clock = { now: () => now };
    const defaultRootDir = await temporaryFolder();
    const fit = async (maxSteps: number, ckptPath: string | null) => {
      const options = { maxSteps, callbacks: [tick, timed()], defaultRootDir };
      const trainer = await quietTrainer(options, { clock });
      return trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader(), ckptPath });
    };
    const first = await fit(4, null);
    const last = join(first.runDir, 'checkpoints', 'last.safetensors');
    expect(await filesOf(first.runDir)).toEqual(['last.safetensors', 'step=3.safetensors']);
    now = 1e9;
    // Saved at 16 s, too, so that the next is due at 26 s: after 28 and 40 s.
    await fit(10, last);
    expect(await filesOf(first.runDir)).toEqual(
      ['last', 'step=10', 'step=3', 'step=7'].map((name) => `${name}.safetensors`),
    );
  });

  it('keeps weights apart from whole states', async () => {
    const weights = { saveWeightsOnly: true, filename: 'weights-{step}' };
    const callbacks = [new ModelCheckpoint(weights), new ModelCheckpoint({ saveTopK: 0, id: 'b' })];
    const { result } = await fitScripted([1, 2], callbacks);
    expect(await filesOf(result.runDir)).toEqual(
      ['last-weights', 'last', 'weights-step=2'].map((name) => `${name}.safetensors`),
    );
    const { state } = await readCheckpoint(join(result.runDir, 'checkpoints/last.safetensors'));
    expect(state.weightsOnly).toBe(false);
  });

  it('puts metrics into names, without making folders', async () => {
    const { files } = await saved([0.25], {
      monitor: 'val/score',
      filename: '{epoch}-{val/score:.2f}',
      saveLast: false,
    });
    expect(files).toEqual(['epoch=0-val_score=0.25.safetensors']);
  });

  it.each([
    [new ModelCheckpoint({ monitor: 'val/scores' }), 'ModelCheckpoint: metric "val/scores"'],
    [new ModelCheckpoint({ filename: '{val_score:.2f}' }), 'ModelCheckpoint: metric "val_score"'],
    [new EarlyStopping({ monitor: 'val-Score' }), 'EarlyStopping: metric "val-Score"'],
  ])('is refused for a name mistyped before the first update', async (callback, said) => {
    const started: Callback = {
      onTrainStart: () => {
        throw new Error('training began');
      },
    };
    await expect(fitScripted([1], [callback, started])).rejects.toThrow(
      `${said} was not logged in the sanity check, which logged val/score. Did you mean "val/score"?`,
    );
  });

  it('waits for a metric that a callback logs', async () => {
    const logs: Callback = {
      onValidationEpochEnd: (context) => context.logValues({ 'val/other': 2 }),
    };
    const files = new ModelCheckpoint({ monitor: 'val/other', saveLast: false });
    const { result } = await fitScripted([1], [logs, files]);
    expect(await filesOf(result.runDir)).toHaveLength(1);
  });

  it('names what was logged when the monitor was not', async () => {
    const callback = new ModelCheckpoint({ monitor: 'val/scores' });
    await expect(fitScripted([1], [callback], { numSanityValSteps: 0 })).rejects.toThrow(
      /"val\/scores" was not logged \(logged so far.*val\/score/,
    );
  });

  it('writes files that restore the weights they were saved with', async () => {
    const { trainer, module } = await fitScripted([1, 2], [new ModelCheckpoint()]);
    const copy = new Scripted([0]);
    await trainer.validate({ module: copy, loader: tinyLoader({ samples: 4 }), ckptPath: 'last' });
    expect(weightBits(copy)).toEqual(weightBits(module));
  });

  it('goes on ranking after a resume', async () => {
    const root = await temporaryFolder();
    const options = { defaultRootDir: root };
    const first = new ModelCheckpoint({ monitor: 'val/score' });
    const { result } = await fitScripted([3, 1], [first], options);
    const second = new ModelCheckpoint({ monitor: 'val/score' });
    const trainer = await quietTrainer({
      ...options,
      maxEpochs: 4,
      limitTrainBatches: 1,
      callbacks: [second],
    });
    const again = await trainer.fit({
      module: new Scripted([0, 0, 2, 0.5]),
      trainLoader: tinyLoader(),
      valLoader: tinyLoader({ samples: 4 }),
      ckptPath: join(result.runDir, 'checkpoints/last.safetensors'),
    });
    expect(again.runDir).toBe(result.runDir);
    expect(second.bestModelScore).toBe(0.5);
    expect(await filesOf(result.runDir)).toEqual([
      'epoch=3-step=4.safetensors',
      'last.safetensors',
    ]);
  });

  it('keeps its state in a round trip', () => {
    const callback = new ModelCheckpoint({ monitor: 'val/score' });
    const state = {
      best: { path: '/a', value: 1 },
      kept: [{ path: '/a', value: 1 }],
      savedStep: 3,
      savedSeconds: 1.5,
    };
    callback.loadStateDict(state);
    expect(callback.stateDict()).toEqual(state);
    expect(callback.bestModelPath).toBe('/a');
  });

  it.each(['10', '3 batches', '50%', '1.5 updates'])('refuses every: %s', (every) => {
    expect(() => new ModelCheckpoint({ every })).toThrow(/every/);
  });

  it('is added by default and keeps the last state only', async () => {
    const { result } = await fitScripted([1, 2], [], { enableCheckpointing: true });
    expect(await filesOf(result.runDir)).toEqual(['last.safetensors']);
    expect(dirname(result.lastCheckpoint ?? '')).toBe(join(result.runDir, 'checkpoints'));
  });
});

describe('rankCheckpoints', () => {
  const at = (path: string, value: number | null) => ({ path, value });

  it('prefers the older among equals and anything to NaN', () => {
    const kept = [at('old', 1)];
    expect(rankCheckpoints(kept, at('new', 1), { mode: 'min', keep: 1 }).best?.path).toBe('old');
    expect(
      rankCheckpoints(kept, at('new', Number.NaN), { mode: 'max', keep: 2 }).kept.map(
        (k) => k.path,
      ),
    ).toEqual(['old', 'new']);
    const worst = [at('infinite', Number.POSITIVE_INFINITY)];
    expect(rankCheckpoints(worst, at('nan', Number.NaN), { mode: 'min', keep: 1 }).best?.path).toBe(
      'infinite',
    );
  });
});

describe('EarlyStopping', () => {
  it('stops after patience validations without improvement', async () => {
    const { result } = await fitScripted(
      [3, 2, 2.5, 2.2, 1, 1],
      [new EarlyStopping({ monitor: 'val/score', patience: 2 })],
    );
    expect(result.status).toBe('stopped');
    expect(result.reason).toBe('val/score has not improved on 2 for 2 validations');
    expect(result.counters.epochs.completed).toBe(4);
  });

  it('lets the checkpoint of the last validation be written', async () => {
    const checkpoint = new ModelCheckpoint({ monitor: 'val/score', filename: '{step}' });
    const stopping = new EarlyStopping({ monitor: 'val/score', stoppingThreshold: 1 });
    const { result } = await fitScripted([3, 0.5, 9], [checkpoint, stopping]);
    expect(result.reason).toBe('val/score 0.5 reached 1');
    expect(basename(checkpoint.bestModelPath ?? '')).toBe('step=2.safetensors');
  });

  it('keeps its count over a resume', async () => {
    const root = await temporaryFolder();
    const stopping = () => new EarlyStopping({ monitor: 'val/score', patience: 3 });
    const scores = [1, 2, 2, 2, 2, 2];
    const first = await fitScripted(scores.slice(0, 3), [stopping(), new ModelCheckpoint()], {
      defaultRootDir: root,
    });
    const trainer = await quietTrainer({
      maxEpochs: 6,
      limitTrainBatches: 1,
      callbacks: [stopping()],
      defaultRootDir: root,
    });
    const result = await trainer.fit({
      module: new Scripted(scores),
      trainLoader: tinyLoader(),
      valLoader: tinyLoader({ samples: 4 }),
      ckptPath: first.result.lastCheckpoint,
    });
    expect(result.status).toBe('stopped');
    expect(result.counters.epochs.completed).toBe(4);
  });

  const options = {
    monitor: 'val/loss',
    mode: 'min' as const,
    minDelta: 0.1,
    checkFinite: true,
    strict: true,
    stoppingThreshold: null,
    divergenceThreshold: 10,
    patience: { amount: 2, unit: 'validations' as const },
  };
  const start = { best: 1, checks: 0, bestAt: { updates: 10, epochs: 1, seconds: 5 } };
  const now = { updates: 30, epochs: 3, seconds: 65 };

  it.each<[string, number, Partial<typeof options> | object, RegExp | null, number]>([
    ['an improvement', 0.8, {}, null, 0],
    ['less than min_delta', 0.95, {}, null, 1],
    ['not finite', Number.NaN, {}, /is NaN/, 0],
    ['diverged', 11, {}, /past 10/, 0],
    ['patience of none', 2, { patience: { amount: 0, unit: 'validations' } }, /not improved/, 1],
    ['20 updates', 2, { patience: { amount: 20, unit: 'updates' } }, /20 updates/, 1],
    ['21 updates', 2, { patience: { amount: 21, unit: 'updates' } }, null, 1],
    ['a minute', 2, { patience: { amount: 60, unit: 'seconds' } }, /60 s/, 1],
    ['larger is better', 1.2, { mode: 'max', divergenceThreshold: null }, null, 0],
  ])('decides: %s', (_name, value, changed, reason, checks) => {
    const decision = decideEarlyStop(start, value, now, { ...options, ...changed, id: undefined });
    if (reason === null) expect(decision.reason).toBeNull();
    else expect(decision.reason).toMatch(reason);
    expect(decision.state.checks).toBe(checks);
  });
});
