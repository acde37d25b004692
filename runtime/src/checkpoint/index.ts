export { formatCheckpointName, namesIn } from './checkpointName.ts';
export type { Checkpoint, CheckpointContents } from './contents.ts';
export { describeCheckpoint } from './describe.ts';
export type { CheckpointDescription } from './describe.ts';
export { checkpointExtension, readCheckpoint } from './readCheckpoint.ts';
export { checkpointsFolder, newestGood, resolveCheckpoint } from './resolve.ts';
export { SnapshotBuffer } from './snapshotBuffer.ts';
export { CheckpointStore } from './store.ts';
export type { PendingSave } from './store.ts';
