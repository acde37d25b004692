import { buildRun } from '../config/buildRun.ts';
import { configPorts } from '../config/embedded.ts';
import { overridesFromObject } from '../config/loadConfig.ts';
import { splitKey, type Override } from '../config/overrides.ts';
import type { PreparedConfig } from '../config/prepare.ts';
import { readScalarText } from '../config/scalarText.ts';
import type { Plain } from '../hpo/plain.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';
import { Trainer } from '../trainer/trainer.ts';
import { newestTrialCheckpoint } from '../tuning/trialCheckpoint.ts';
import { TrialReporter } from '../tuning/trialReporter.ts';
import type { TrialChannel, TrialOutcome, TrialTask } from '../tuning/trialRunner.ts';
import type { TrainingSide } from '../tuning/trainingSide.ts';
import type { Host } from './host.ts';
import { readRunConfig } from './openRun.ts';

/** Name of a trial's run; its folder is `trial_<n>/run/version_0`. */
const RUN_NAME = 'run';

/** Lets a search train by the very path that `fit` takes, its patch laid over the flags. */
export function hpoTraining(host: Host): TrainingSide {
  const read = (
    files: readonly string[],
    flags: readonly string[],
    more: readonly Override[] = [],
  ): Promise<PreparedConfig> =>
    readRunConfig({ files, overrides: [...flags.map(flagOverride), ...more] }, host);
  return {
    baseConfig: async (files, flags) => (await read(files, flags)).values,
    checkPatch: async (files, flags, patch) => {
      await read(files, flags, overridesFromObject(patch));
    },
    runTrial: async (task, channel) => {
      const more = [...overridesFromObject(task.patch), ...overridesFromObject(trialValues(task))];
      return train(await read(task.configFiles, task.overrides, more), task, channel, host);
    },
  };
}

async function train(
  config: PreparedConfig,
  task: TrialTask,
  channel: TrialChannel,
  host: Host,
): Promise<TrialOutcome> {
  const { module, dataModule, trainerOptions } = await buildRun(config);
  const reporter = new TrialReporter(task, channel);
  const trainer = new Trainer(
    { ...trainerOptions, callbacks: [...trainerOptions.callbacks, reporter] },
    { terminal: host.terminal, ...configPorts(config) },
  );
  const ckptPath = await newestTrialCheckpoint(task.continues);
  const fit = await trainer.fit({ module, dataModule, ckptPath });
  const steps = fit.counters.updates.completed;
  if (fit.status === 'paused' || fit.status === 'interrupted') return { status: 'paused', steps };
  if (!reporter.hasReported(steps) && !reporter.isPruned) {
    const { metrics } = await trainer.validate({ module, dataModule });
    await reporter.reportEnd(metrics, steps);
  }
  return { status: 'finished', steps };
}

/** What a trial's run has of its own, whatever the configuration says. */
function trialValues(task: TrialTask): ConfigPatch {
  const values: Record<string, Plain> = {
    'trainer.threads': task.threads,
    'trainer.default_root_dir': task.runDir,
    'trainer.run_name': RUN_NAME,
    'trainer.enable_progress_bar': false,
  };
  if (task.valInterval !== null) values['trainer.val_check_interval'] = task.valInterval;
  if (task.trialSteps !== null) {
    values['trainer.min_epochs'] = null;
    values['trainer.min_steps'] = null;
  }
  if (task.scaleSchedules) values['trainer.max_steps'] = task.trialSteps;
  if (!task.testMode) return values;
  return {
    ...values,
    'trainer.limit_train_batches': 10,
    'trainer.limit_val_batches': 5,
    'trainer.max_epochs': 1,
    'trainer.max_steps': null,
    'trainer.min_epochs': null,
    'trainer.min_steps': null,
  };
}

function flagOverride(text: string): Override {
  const [name] = text.split('=', 1);
  const append = name.endsWith('+');
  const key = append ? name.slice(0, -1) : name;
  const origin = { kind: 'cli', flag: `--${key}` } as const;
  return {
    path: splitKey(key, origin),
    node: readScalarText(text.slice(name.length + 1), origin),
    append,
  };
}
