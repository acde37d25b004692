import type { TrialOutcome, TrialTask } from './trialRunner.ts';

/** What the coordinator tells a child process. */
export type ToWorker =
  | { readonly type: 'trial'; readonly task: TrialTask }
  | { readonly type: 'verdict'; readonly id: number; readonly verdict: 'continue' | 'prune' }
  | { readonly type: 'pause' };

/** What a child process tells the coordinator. */
export type FromWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'report';
      readonly id: number;
      /** As text, because JSON has neither NaN nor Infinity. */
      readonly value: string;
      readonly step: number;
    }
  | { readonly type: 'ended'; readonly outcome: TrialOutcome }
  | {
      readonly type: 'failed';
      readonly kind: 'nan' | 'exception' | 'oom';
      readonly message: string;
    };

/** One end of the pipe between the two; made from `process` by the command line. */
export interface MessagePipe<Out, In> {
  send(message: Out): void;
  onMessage(handler: (message: In) => void): void;
}
