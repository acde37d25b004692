export { CSVLogger } from './csvLogger.ts';
export { JSONLLogger } from './jsonlLogger.ts';
export { readMetrics } from './metricsLine.ts';
export { RunFolder, readRunRecord } from './runFolder.ts';
export type { NewRun, RunRecord, RunSession } from './runFolder.ts';
