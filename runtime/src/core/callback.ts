import type { HookArguments, HookName } from './hooks.ts';
import type { JsonObject } from './json.ts';
import type { TrainerContext } from './trainerContext.ts';

type Hooks = {
  [Name in HookName]?: (
    context: TrainerContext,
    ...args: HookArguments[Name]
  ) => void | Promise<void>;
};

/**
 * Something that watches a run. All hooks are optional and may be async; each sees a narrow
 * `TrainerContext`, never the trainer.
 */
export interface Callback extends Hooks {
  /** Under which state is kept in checkpoints; default: the class name. Give one to each of two alike. */
  readonly id?: string;
  /** Checkpoint savers and early stopping: run after all other callbacks, so that they see final values. */
  readonly monitoring?: boolean;
  stateDict?(): JsonObject;
  loadStateDict?(state: JsonObject): void;
}

/** The key of a callback's state in checkpoints. */
export function callbackId(callback: Callback): string {
  return callback.id ?? (callback.constructor as { name: string }).name;
}
