import { decodeState, encodeState } from '../checkpoint/stateJson.ts';
import type { JsonObject } from '../core/json.ts';
import { UsageError } from '../errors.ts';
import type { Run } from './run.ts';

/**
 * Lets every `onSaveCheckpoint` add to the state of a checkpoint. Each gets a copy, for a resumed
 * run needs what the trainer wrote as it is.
 * @throws UsageError ERR_CHECKPOINT_KEY when a hook changes something that is not its own
 */
export async function addHookState(run: Run, state: JsonObject): Promise<void> {
  const taken = new Set(Object.keys(state));
  await run.hooks.callEach('onSaveCheckpoint', async (owner, hook) => {
    const copy = decodeState(encodeState(state));
    await hook(copy);
    for (const key of taken) {
      if (memberText(copy, key) !== memberText(state, key)) throw changed(owner, key, taken);
    }
    for (const [key, value] of Object.entries(copy)) {
      if (!taken.has(key)) state[key] = value;
    }
  });
}

function memberText(state: JsonObject, key: string): string {
  return encodeState({ [key]: state[key] });
}

function changed(owner: string, key: string, taken: ReadonlySet<string>): UsageError {
  return new UsageError(
    'ERR_CHECKPOINT_KEY',
    `onSaveCheckpoint of ${owner} changed "${key}" of the checkpoint, which belongs to the trainer: a run could ` +
      `not be resumed from it. Keep data under a key of your own; taken are ${[...taken].join(', ')}.`,
  );
}
