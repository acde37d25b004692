import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Callback } from '../../../runtime/src/core/callback.ts';
import { DataModule, type PrepareContext } from '../../../runtime/src/core/dataModule.ts';
import { hookNames, type HookName } from '../../../runtime/src/core/hooks.ts';
import type { Loaders } from '../../../runtime/src/core/loader.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer, temporaryFolder } from './tinyRun.ts';

/** A callback with every hook, each noting its name. */
function recorder(calls: string[], name: string, traits: Partial<Callback> = {}): Callback {
  const note = (hook: HookName) => () => void calls.push(`${name}.${hook}`);
  const hooks = Object.fromEntries(hookNames.map((hook) => [hook, note(hook)]));
  return { ...traits, ...hooks };
}

/** A module whose hooks note their names as `module.<hook>`. */
function recordingModule(calls: string[]): TinyModule {
  return Object.assign(new TinyModule(), recorder(calls, 'module'));
}

const small = {
  trainLoader: tinyLoader({ samples: 8, batchSize: 4 }),
  valLoader: tinyLoader({ samples: 4, shuffle: false }),
};

describe('hook order', () => {
  it('is the published one in a fit of one epoch', async () => {
    const calls: string[] = [];
    const trainer = await quietTrainer({
      maxEpochs: 1,
      accumulateGradBatches: 2,
      callbacks: [recorder(calls, 'a')],
    });
    await trainer.fit({ module: new TinyModule(), ...small });
    expect(calls.map((call) => call.slice('a.'.length))).toEqual([
      'setup',
      'onFitStart',
      'onSanityCheckStart',
      'onSanityCheckEnd',
      'onTrainStart',
      'onTrainEpochStart',
      'onTrainBatchStart',
      'onAfterBackward',
      'onTrainBatchEnd',
      'onTrainBatchStart',
      'onAfterBackward',
      'onBeforeOptimizerStep',
      'onTrainBatchEnd',
      'onValidationStart',
      'onValidationEpochStart',
      'onValidationBatchStart',
      'onValidationBatchEnd',
      'onValidationEpochEnd',
      'onValidationEnd',
      'onTrainEpochEnd',
      'onTrainEnd',
      'onFitEnd',
      'teardown',
    ]);
  });

  it('is in the table of the docs', () => {
    const docs = readFileSync(new URL('../../../docs/callbacks.md', import.meta.url), 'utf8');
    const table = docs.slice(docs.indexOf('## Hooks'), docs.indexOf('## PauseCallback'));
    const named = [...table.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(named).toEqual(hookNames);
  });

  it.each([
    ['module', Object.assign(new TinyModule(), { optimizerStep: () => undefined }), []],
    ['callback', new TinyModule(), [{ onBeforeZeroGrad: () => undefined } as Callback]],
  ])(
    'refuses hooks of Lightning in a %s that would never be called',
    async (_, module, callbacks) => {
      const trainer = await quietTrainer({ maxEpochs: 1, callbacks });
      await expect(trainer.fit({ module, ...small })).rejects.toMatchObject({
        code: 'ERR_HOOK_UNKNOWN',
      });
    },
  );

  it('names every hook of the sequence in the published table, in that order', async () => {
    const calls: string[] = [];
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks: [recorder(calls, 'a')] });
    await trainer.fit({ module: new TinyModule(), ...small });
    const first = [...new Set(calls.map((call) => call.slice('a.'.length)))];
    const positions = first.map((name) => hookNames.indexOf(name as HookName));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  });

  it('calls ordinary callbacks in order, the module, watchers, then savers', async () => {
    const calls: string[] = [];
    const trainer = await quietTrainer({
      maxEpochs: 1,
      numSanityValSteps: 0,
      callbacks: [
        recorder(calls, 'saver', { saving: true }),
        recorder(calls, 'watcher', { monitoring: true }),
        recorder(calls, 'a'),
        recorder(calls, 'b'),
      ],
    });
    await trainer.fit({ module: recordingModule(calls), ...small });
    const ofHook = (hook: string) => calls.filter((call) => call.endsWith(`.${hook}`));
    for (const hook of ['setup', 'onTrainEpochEnd', 'onValidationEnd', 'teardown']) {
      expect(ofHook(hook)).toEqual(
        ['a', 'b', 'module', 'watcher', 'saver'].map((n) => `${n}.${hook}`),
      );
    }
  });

  it('awaits asynchronous hooks before the next one', async () => {
    const calls: string[] = [];
    const slow: Callback = {
      async onTrainBatchStart() {
        await new Promise((resolve) => setTimeout(resolve, 5));
        calls.push('slow');
      },
    };
    const fast: Callback = { onTrainBatchStart: () => void calls.push('fast') };
    const trainer = await quietTrainer({ maxSteps: 1, callbacks: [slow, fast] });
    await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
    expect(calls).toEqual(['slow', 'fast']);
  });

  it('shows validation hooks of the sanity check to volunteers and the module only', async () => {
    const calls: string[] = [];
    const trainer = await quietTrainer({
      maxSteps: 1,
      limitValBatches: 1,
      callbacks: [recorder(calls, 'a'), recorder(calls, 'eager', { runsInSanity: true })],
    });
    await trainer.fit({
      module: recordingModule(calls),
      trainLoader: tinyLoader(),
      valLoader: tinyLoader(),
    });
    const sanity = calls.slice(
      calls.indexOf('a.onSanityCheckStart'),
      calls.indexOf('a.onSanityCheckEnd'),
    );
    expect(sanity.filter((call) => call.startsWith('a.'))).toEqual(['a.onSanityCheckStart']);
    expect(sanity).toContain('eager.onValidationBatchEnd');
    expect(sanity).toContain('module.onValidationEpochEnd');
  });

  it.each([false, true])('has the data module around it, also in a failure: %s', async (fails) => {
    const calls: string[] = [];
    class Data extends DataModule {
      override prepareData(context: PrepareContext): void {
        calls.push(`prepareData with ${Object.keys(context).join()}`);
      }
      override setup(kind: string): void {
        calls.push(`setup for ${kind}`);
      }
      trainDataloader(): Loaders {
        calls.push('trainDataloader');
        return tinyLoader();
      }
      override teardown(kind: string): void {
        calls.push(`teardown for ${kind}`);
      }
    }
    const end: Callback = {
      setup: () => void calls.push("callback's setup"),
      onTrainStart: () => {
        if (fails) throw new Error('mine');
      },
      teardown: () => void calls.push("callback's teardown"),
    };
    const trainer = await quietTrainer({ maxSteps: 1, callbacks: [end] });
    const fitted = trainer.fit({ module: new TinyModule(), dataModule: new Data() });
    if (fails) await expect(fitted).rejects.toThrow('mine');
    else await fitted;
    expect(calls).toEqual([
      'prepareData with line',
      'setup for fit',
      "callback's setup",
      'trainDataloader',
      "callback's teardown",
      'teardown for fit',
    ]);
  });

  it('tells of a failure, tears down and passes the error on', async () => {
    const calls: string[] = [];
    const bad = recorder(calls, 'a', {});
    const failing: Callback = {
      ...bad,
      onTrainBatchEnd: () => {
        throw new Error('mine');
      },
      teardown: () => {
        calls.push('a.teardown');
        throw new Error('of teardown');
      },
    };
    const trainer = await quietTrainer({ maxEpochs: 1, callbacks: [failing] });
    await expect(trainer.fit({ module: new TinyModule(), ...small })).rejects.toThrow('mine');
    expect(calls.slice(-2)).toEqual(['a.onException', 'a.teardown']);
  });

  it('covers test and prediction', async () => {
    const calls: string[] = [];
    const options = { callbacks: [recorder(calls, 'a')], defaultRootDir: await temporaryFolder() };
    const trainer = await quietTrainer(options);
    const module = new TinyModule();
    await trainer.test({ module, loader: tinyLoader({ samples: 4 }) });
    for await (const { size } of trainer.predict({ module, loader: tinyLoader({ samples: 4 }) })) {
      calls.push(`yield ${String(size)}`);
    }
    expect(calls).toEqual([
      'a.setup',
      'a.onTestStart',
      'a.onTestEpochStart',
      'a.onTestBatchStart',
      'a.onTestBatchEnd',
      'a.onTestEpochEnd',
      'a.onTestEnd',
      'a.teardown',
      'a.setup',
      'a.onPredictStart',
      'a.onPredictEpochStart',
      'a.onPredictBatchStart',
      'a.onPredictBatchEnd',
      'yield 4',
      'a.onPredictEpochEnd',
      'a.onPredictEnd',
      'a.teardown',
    ]);
  });
});
