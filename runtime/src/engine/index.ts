export { selectBackend } from './selectBackend.ts';
export type { Accelerator } from './devices/accelerators.ts';
export { listProviders, surveyAccelerators } from './devices/surveyAccelerators.ts';
export type { BackendInfo, BackendOptions } from './selectBackend.ts';
export { engineCounters, resetEngineCounters } from './counters.ts';
export type { EngineCounters } from './counters.ts';
export { onNotice } from './notices.ts';
export type { EngineNotice } from './notices.ts';
export {
  adoptView,
  flushPending,
  holdsView,
  isOrt,
  materialize,
  prepareInPlaceWrite,
  valueOf,
} from './storage.ts';
export { canFuseRecurrence, recurrence } from './recurrence.ts';
export { compileChoices, restoreCompileChoices, setDynamicShapes } from './ort/policy.ts';
export { traceEngine } from './trace.ts';
