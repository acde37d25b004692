/** What a training is doing when it tells its parent. */
export const phases = ['update', 'accumulation', 'validation', 'saving'] as const;

export type Phase = (typeof phases)[number];

export interface Message {
  readonly phase: Phase;
  /** Updates that are done; -1 while saving. */
  readonly update: number;
}
