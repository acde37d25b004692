export { FixedTrial } from '../hpo/fixedTrial.ts';
export type { TrialLike } from '../hpo/trialLike.ts';
