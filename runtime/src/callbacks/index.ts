export { CompileCallback } from './compile.ts';
export { EarlyStopping } from './earlyStopping.ts';
export { LearningRateMonitor } from './learningRateMonitor.ts';
export { ModelCheckpoint } from './modelCheckpoint.ts';
export { ModelSummary } from './modelSummary.ts';
export { FlowProgressBarCallback } from './flowProgressBar.ts';
export { PauseCallback } from './pause.ts';
export { ProgressBar } from './progressBar.ts';
