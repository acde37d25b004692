import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { Direction } from '../hpo/trialState.ts';

/** Folders of a trial that hold checkpoints, by name, at any depth. */
const CHECKPOINT_FOLDER = 'checkpoints';

/**
 * Removes the checkpoints of trials that nobody will need again: pruned and failed ones at once,
 * complete ones that are not among the best `keep`. Logs and outputs stay.
 * @returns the numbers of the trials that lost their checkpoints
 */
export function tidyCheckpoints(
  folder: string,
  trials: readonly FrozenTrial[],
  direction: Direction,
  keep: number,
): number[] {
  const best = new Set(
    bestFirst(trials, direction)
      .slice(0, keep)
      .map((trial) => trial.number),
  );
  const done = trials.filter((trial) => trial.state !== 'RUNNING' && trial.state !== 'WAITING');
  const removable = done.filter((trial) => !best.has(trial.number));
  return removable
    .filter((trial) => removeCheckpoints(join(folder, `trial_${trial.number}`)))
    .map((trial) => trial.number);
}

/** Complete trials, the best first, the earlier first among equals. */
export function bestFirst(trials: readonly FrozenTrial[], direction: Direction): FrozenTrial[] {
  const sign = direction === 'minimize' ? 1 : -1;
  const value = (trial: FrozenTrial): number => (trial.values?.[0] ?? NaN) * sign;
  return trials
    .filter((trial) => trial.state === 'COMPLETE' && trial.values !== null)
    .sort((a, b) => value(a) - value(b) || a.number - b.number);
}

function removeCheckpoints(trialFolder: string): boolean {
  let removed = false;
  for (const entry of entriesOf(trialFolder)) {
    if (!entry.isDirectory()) continue;
    const path = join(trialFolder, entry.name);
    if (entry.name === CHECKPOINT_FOLDER) {
      rmSync(path, { recursive: true, force: true });
      removed = true;
    } else {
      removed = removeCheckpoints(path) || removed;
    }
  }
  return removed;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
