import { editDistance, UsageError } from '../errors.ts';
import type { Run } from './run.ts';

/**
 * Looks, once the sanity check has shown what validation logs, whether the metrics that callbacks,
 * file names and schedules wait for are there: hours before the first of them would miss one.
 * A name that is all but the same is a mistake; any other may come from a callback, so that is
 * only said.
 * @throws UsageError ERR_MONITOR
 */
export function checkWatched(run: Run): void {
  const logged = [...run.metrics.keys()].map((key) => key.replace(/^sanity\//, 'val/'));
  for (const { owner, name } of watched(run)) {
    if (name.startsWith('train/') || logged.includes(name)) continue;
    const list = logged.length === 0 ? 'nothing' : logged.toSorted().join(', ');
    const missing = `${owner}: metric "${name}" was not logged in the sanity check, which logged ${list}.`;
    const meant = logged.find((key) => isSlip(key, name));
    if (meant !== undefined) {
      throw new UsageError('ERR_MONITOR', `${missing} Did you mean "${meant}"?`);
    }
    run.terminal.line(`Note: ${missing} Unless a callback logs it, training will end there.`);
  }
}

/** Says what will never act because this run does not validate. */
export function noteUnvalidated(run: Run): void {
  for (const { owner, name } of watched(run)) {
    if (!name.startsWith('val/')) continue;
    const why = 'this run has no validation: no data for it, or limit_val_batches is 0';
    run.terminal.line(`Note: ${owner} waits for "${name}" in vain, for ${why}.`);
  }
}

interface Watched {
  readonly owner: string;
  readonly name: string;
}

function watched({ callbacks, optimizer }: Run): Watched[] {
  const names = callbacks.flatMap(({ watches = [], constructor }) =>
    watches.map((name) => ({ owner: constructor.name, name })),
  );
  const schedules = (optimizer?.rounds ?? []).flatMap(({ monitor }) =>
    monitor === null ? [] : [{ owner: 'The learning-rate schedule', name: monitor }],
  );
  return [...names, ...schedules];
}

/** `val_loss` for `val/loss`, `val/los`. */
function isSlip(logged: string, name: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[/_.-]/g, '');
  return plain(logged) === plain(name) || editDistance(logged, name) <= 1;
}
