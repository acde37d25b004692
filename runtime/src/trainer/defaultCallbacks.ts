import { CompileCallback } from '../callbacks/compile.ts';
import { ModelCheckpoint } from '../callbacks/modelCheckpoint.ts';
import { ModelSummary } from '../callbacks/modelSummary.ts';
import { ProgressBar } from '../callbacks/progressBar.ts';
import type { Callback } from '../core/callback.ts';
import type { RunKind } from '../core/stage.ts';
import type { ResolvedTrainerOptions } from './trainerOptions.ts';

/** The user's callbacks with the ones that a trainer adds by itself. */
export function withDefaultCallbacks(options: ResolvedTrainerOptions, kind: RunKind): Callback[] {
  const { callbacks, enableModelSummary, enableProgressBar, enableCheckpointing } = options;
  const has = (type: abstract new (...args: never[]) => Callback): boolean =>
    callbacks.some((callback) => callback instanceof type);
  const added: Callback[] = [];
  if (enableModelSummary && kind === 'fit' && !has(ModelSummary)) added.push(new ModelSummary());
  if (enableProgressBar && !callbacks.some(({ showsProgress }) => showsProgress === true)) {
    added.push(new ProgressBar());
  }
  const { compile } = options;
  if (compile !== null && kind === 'fit' && !has(CompileCallback)) {
    added.push(new CompileCallback({ mode: compile }));
  }
  const saves = callbacks.some(({ saving }) => saving === true);
  if (enableCheckpointing && kind === 'fit' && !saves) {
    added.push(new ModelCheckpoint({ saveTopK: 0, saveLast: true }));
  }
  ModelCheckpoint.separate(callbacks);
  return [...added, ...callbacks];
}
