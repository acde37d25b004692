import type { SignalName, Signals, Terminal } from '../core/ports.ts';
import { ForcedInterrupt, type StopRequests } from './stopRequests.ts';

/** Exit code that a shell expects after a signal. */
export const signalExitCodes: Partial<Record<SignalName, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
};

/** How long a run may take to unwind after a second signal, in milliseconds. */
const grace = 1000;

/** Turns signals into requests: the first one lets the update finish, the second ends at once. */
export class InterruptGuard {
  /** The first signal, null while none came. */
  signal: SignalName | null = null;
  readonly #stop: (() => void)[] = [];
  #force: ((error: ForcedInterrupt) => void) | null = null;

  get exitCode(): number {
    return this.signal === null ? 0 : (signalExitCodes[this.signal] ?? 1);
  }

  /** Listens until `disarm`. */
  arm(signals: Signals, requests: StopRequests, terminal: Terminal): void {
    for (const name of Object.keys(signalExitCodes) as SignalName[]) {
      this.#stop.push(
        signals.on(name, () => {
          if (this.signal === null) {
            this.signal = name;
            requests.interrupt = name;
            terminal.line(
              `${name}: finishing this update, then saving. Once more ends at once without saving.`,
            );
          } else if (name !== 'SIGHUP') {
            // A terminal that goes away may say so twice, by itself and by its shell.
            requests.forced = new ForcedInterrupt(name);
            this.#force?.(requests.forced);
          }
        }),
      );
    }
  }

  disarm(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  /** `work`, unless a second signal comes first: then it rejects, with `work` unwound if possible. */
  async race<T>(work: Promise<T>): Promise<T> {
    const forced = new Promise<never>((_resolve, reject) => {
      this.#force = reject;
    });
    try {
      return await Promise.race([work, forced]);
    } catch (error) {
      if (error instanceof ForcedInterrupt) await settledWithin(work, grace);
      throw error;
    }
  }
}

async function settledWithin(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work.catch(() => undefined), timeout]);
  clearTimeout(timer);
}
