import { overridesFromObject } from '../config/loadConfig.ts';
import { isUsageError, messageOf } from '../errors.ts';
import { measureBatchSize, warmUpUpdates } from '../tuning/batchSizeTrial.ts';
import { sweepLearningRate } from '../tuning/lrSweep.ts';
import type { Host } from './host.ts';
import { readRunConfig, type RunRequest } from './openRun.ts';
import type { TuneMessage, TuneTask } from './tuneProcess.ts';

/** Does a task of `tune` in this process and tells the parent. @returns the exit code */
export async function serveTuneTask(
  task: TuneTask,
  request: RunRequest,
  host: Host,
): Promise<number> {
  process.on('disconnect', () => process.exit(1));
  const send = (message: TuneMessage): void => void process.send?.(message);
  try {
    await work(task, request, host, send);
  } catch (error) {
    if (isUsageError(error)) send({ type: 'refused', code: error.code, message: error.message });
    else send({ type: 'failed', message: describe(error) });
  }
  process.removeAllListeners('disconnect');
  process.disconnect();
  return 0;
}

/** Message and place: the stack of a child says little to who started the parent. */
function describe(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const place = stack
    .split('\n')
    .find((line) => /^\s+at .*[/\\]/.test(line) && !line.includes('node:'));
  return place === undefined ? messageOf(error) : `${messageOf(error)} (${place.trim()})`;
}

async function work(
  task: TuneTask,
  request: RunRequest,
  host: Host,
  send: (message: TuneMessage) => void,
): Promise<void> {
  const steps = task.type === 'lr' ? task.sweep.steps : warmUpUpdates + task.steps;
  const own = task.type === 'lr' ? {} : { [task.path]: task.size };
  const limits = overridesFromObject({ ...withoutTraces(task.folder, steps), ...own });
  const overrides = [...request.overrides, ...limits];
  const config = await readRunConfig({ ...request, overrides }, host);
  if (task.type === 'lr') {
    await sweepLearningRate(config, task.sweep, host.terminal, (lr, loss) => {
      // JSON has no NaN.
      send({ type: 'point', lr, loss: Number.isFinite(loss) ? loss : String(loss) });
    });
  } else {
    const peak = (): number => process.resourceUsage().maxRSS * 1024;
    send({ type: 'measure', measure: await measureBatchSize(config, host.terminal, peak) });
  }
}

/** A training of so many updates and nothing else: no validation, no files outside `folder`. */
function withoutTraces(folder: string, steps: number): Record<string, unknown> {
  return {
    'trainer.max_steps': steps,
    'trainer.max_epochs': null,
    'trainer.max_time': null,
    'trainer.min_epochs': null,
    'trainer.min_steps': null,
    'trainer.fast_dev_run': false,
    'trainer.overfit_batches': null,
    'trainer.barebones': false,
    'trainer.limit_val_batches': 0,
    'trainer.num_sanity_val_steps': 0,
    'trainer.validate_at_start': false,
    'trainer.val_check_interval': null,
    'trainer.terminate_on_nan': false,
    'trainer.callbacks': [],
    'trainer.logger': false,
    'trainer.enable_checkpointing': false,
    'trainer.enable_progress_bar': false,
    'trainer.enable_model_summary': false,
    'trainer.profiler': null,
    'trainer.default_root_dir': folder,
  };
}
