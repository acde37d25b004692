import { messageOf } from '../errors.ts';
import { isOutOfMemory } from './failure.ts';
import type { FromWorker, MessagePipe, ToWorker } from './messages.ts';
import type { TrialChannel, TrialRunner } from './trialRunner.ts';

/**
 * The child's side: says that it is ready, runs the trial it is given and says how it ended.
 * @returns when the trial has ended and been answered for
 */
export async function serveTrial(
  runTrial: TrialRunner,
  pipe: MessagePipe<FromWorker, ToWorker>,
): Promise<void> {
  const pause = new AbortController();
  const verdicts = new Map<number, (verdict: 'continue' | 'prune') => void>();
  let reports = 0;
  const channel: TrialChannel = {
    pause: pause.signal,
    report: (value, step) =>
      new Promise((resolve) => {
        const id = reports++;
        verdicts.set(id, resolve);
        pipe.send({ type: 'report', id, value: String(value), step });
      }),
  };
  await new Promise<void>((done) => {
    pipe.onMessage((message) => {
      if (message.type === 'pause') pause.abort();
      if (message.type === 'verdict') {
        verdicts.get(message.id)?.(message.verdict);
        verdicts.delete(message.id);
      }
      if (message.type !== 'trial') return;
      runTrial(message.task, channel)
        .then(
          (outcome) => {
            pipe.send({ type: 'ended', outcome });
          },
          (error: unknown) => {
            pipe.send(failureMessage(error));
          },
        )
        .finally(done);
    });
    pipe.send({ type: 'ready' });
  });
}

function failureMessage(error: unknown): FromWorker {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const isNan = /(^|_)(NAN|NON_FINITE|NONFINITE)(_|$)/.test(code);
  const kind = isNan ? 'nan' : isOutOfMemory(messageOf(error)) ? 'oom' : 'exception';
  // The code says more than the class, and a stack would only name our own files.
  return { type: 'failed', kind, message: code === '' ? stackOf(error) : messageOf(error) };
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return messageOf(error);
  return error.stack.split('\n').slice(0, 4).join('\n');
}
