import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { AdamW, type OptimizerConfig } from '../../../runtime/src/core/optim/index.ts';
import { Cosine } from '../../../runtime/src/core/schedulers/index.ts';
import type { TrainerContext } from '../../../runtime/src/core/trainerContext.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import type { FitResult } from '../../../runtime/src/trainer/results.ts';
import { quietTrainer, temporaryFolder, weightBits } from './tinyRun.ts';

/** Everything that could break exactness: dropout, a schedule, epoch means, accumulation. */
class Intricate extends TinyModule {
  constructor() {
    super({ dropout: 0.5, hidden: 6 });
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new AdamW({ lr: 0.05 }), scheduler: new Cosine() };
  }
}

/** Saves after the k-th batch and then lets the run fail, as a crash would. */
class CrashAfter implements Callback {
  readonly saving = true;
  path = '';
  readonly #batch: number;
  readonly #folder: string;

  constructor(batch: number, folder: string) {
    this.#batch = batch;
    this.#folder = folder;
  }

  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    if (context.counters.batches.completed !== this.#batch) return;
    this.path = await context.saveCheckpoint(join(this.#folder, 'crash'));
    throw new Error('crash');
  }
}

class CountingCallback implements Callback {
  batches = 0;
  onTrainBatchEnd(): void {
    this.batches++;
  }
  stateDict() {
    return { batches: this.batches };
  }
  loadStateDict(state: { batches?: unknown }): void {
    this.batches = Number(state.batches);
  }
}

const epochs = 2;
// 18 samples in batches of 4: five batches, the last one short; groups of 2, the last one short.
const loaders = () => ({
  trainLoader: tinyLoader({ samples: 18 }),
  valLoader: tinyLoader({ samples: 6, shuffle: false, seed: 5 }),
});
const batchesInAll = 5 * epochs;

interface Outcome {
  readonly result: FitResult;
  readonly bits: number[];
  readonly rows: unknown[];
  readonly counted: number;
}

async function run(
  root: string,
  callbacks: Callback[],
  ckptPath?: string,
  accelerator = 'cpu',
): Promise<Outcome> {
  const module = new Intricate();
  const counting = new CountingCallback();
  const trainer = await quietTrainer({
    maxEpochs: epochs,
    accelerator,
    accumulateGradBatches: 2,
    gradientClipVal: 0.5,
    valCheckInterval: '2 updates',
    logEveryNSteps: 1,
    defaultRootDir: root,
    callbacks: [counting, ...callbacks],
  });
  const result = await trainer.fit({ module, ...loaders(), ckptPath: ckptPath ?? null });
  const text = await readFile(join(result.runDir, 'metrics.jsonl'), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => {
      const { time, ...row } = JSON.parse(line) as { time: number };
      expect(time).toBeGreaterThan(0);
      return row;
    });
  return { result, bits: weightBits(module), rows, counted: counting.batches };
}

describe('resuming', () => {
  let whole: Outcome;
  beforeAll(async () => {
    whole = await run(await temporaryFolder(), []);
  });

  it('has something to compare', () => {
    expect(whole.result.counters.updates.completed).toBe(6);
    expect(whole.rows.length).toBeGreaterThan(8);
    expect(whole.counted).toBe(batchesInAll);
  });

  it.each(Array.from({ length: batchesInAll }, (_, index) => index + 1))(
    'after batch %i gives the bits and rows of a run that never stopped',
    async (batch) => {
      const root = await temporaryFolder();
      const crash = new CrashAfter(batch, join(root, 'Intricate/version_0/checkpoints'));
      await expect(run(root, [crash])).rejects.toThrow('crash');
      const resumed = await run(root, [], crash.path);
      expect(resumed.bits).toEqual(whole.bits);
      expect(resumed.rows).toEqual(whole.rows);
      expect(resumed.counted).toBe(whole.counted);
      expect(resumed.result.counters).toEqual(whole.result.counters);
    },
  );

  /** Crashes with its k-th call of one hook, right after saving. */
  class CrashIn extends CrashAfter {
    #calls = 0;
    constructor(
      hook: 'onValidationEnd' | 'onTrainEpochEnd' | 'onValidationBatchEnd',
      folder: string,
      call: number,
    ) {
      super(-1, folder);
      Object.assign(this, {
        runsInSanity: false,
        [hook]: async (context: TrainerContext) => {
          if (++this.#calls !== call) return;
          this.path = await context.saveCheckpoint(join(folder, 'crash'));
          throw new Error('crash');
        },
      });
    }
  }

  it.each([
    ['onValidationEnd', 1],
    ['onValidationEnd', 3],
    ['onValidationBatchEnd', 2],
    ['onTrainEpochEnd', 1],
    ['onTrainEpochEnd', 2],
  ] as const)('after a save in %s, call %i, gives the same', async (hook, call) => {
    const root = await temporaryFolder();
    const crash = new CrashIn(hook, join(root, 'Intricate/version_0/checkpoints'), call);
    await expect(run(root, [crash])).rejects.toThrow('crash');
    const resumed = await run(root, [], crash.path);
    expect(resumed.bits).toEqual(whole.bits);
    expect(resumed.rows).toEqual(whole.rows);
    expect(resumed.counted).toBe(whole.counted);
  });

  it.each([3, 5])('holds on ort after batch %i', async (batch) => {
    const expected = await run(await temporaryFolder(), [], undefined, 'ort');
    const root = await temporaryFolder();
    const crash = new CrashAfter(batch, join(root, 'Intricate/version_0/checkpoints'));
    await expect(run(root, [crash], undefined, 'ort')).rejects.toThrow('crash');
    const resumed = await run(root, [], crash.path, 'ort');
    expect(resumed.bits).toEqual(expected.bits);
    expect(resumed.rows).toEqual(expected.rows);
  });

  it('validates by the clock as if nothing had come between', async () => {
    const root = await temporaryFolder();
    const fit = async (start: number, callbacks: Callback[], ckptPath: string | null) => {
      let now = start;
      const validated: number[] = [];
      const watch: Callback = {
        onTrainBatchEnd: () => void (now += 10_000),
        onValidationStart: ({ globalStep }) => void validated.push(globalStep),
      };
      const trainer = await quietTrainer(
        {
          ...{ maxSteps: 20, valCheckInterval: '1 min', numSanityValSteps: 0 },
          ...{ defaultRootDir: root, callbacks: [watch, ...callbacks] },
        },
        { clock: { now: () => now } },
      );
      const module = new TinyModule();
      await trainer.fit({ module, ...loaders(), ckptPath }).catch(() => undefined);
      return validated;
    };
    const crash = new CrashAfter(8, root);
    const before = await fit(0, [crash], null);
    // Hours later, by a clock that began elsewhere.
    const after = await fit(9e7, [], crash.path);
    expect([...before, ...after]).toEqual([6, 12, 18]);
    expect(await fit(5, [], null)).toEqual([6, 12, 18]);
  });
});
