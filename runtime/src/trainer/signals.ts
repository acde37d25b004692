import type { SignalName, Signals, Terminal } from '../core/ports.ts';
import { LightboxError } from '../errors.ts';
import type { StopRequests } from './stopRequests.ts';

/** Exit code that a shell expects after a signal. */
export const signalExitCodes: Partial<Record<SignalName, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Thrown into a run when a second signal arrives: nothing is saved any more. */
export class ForcedInterrupt extends LightboxError {
  constructor(signal: SignalName) {
    super('ERR_FORCED_INTERRUPT', `${signal} came twice: stopped at once, nothing more was saved.`);
  }
}

/** Turns signals into requests: the first one lets the update finish, the second ends at once. */
export class InterruptGuard {
  /** The first signal, null while none came. */
  signal: SignalName | null = null;
  #stop: (() => void)[] = [];
  #force: (error: ForcedInterrupt) => void = () => undefined;

  /** Listens until `disarm`. */
  arm(signals: Signals, requests: StopRequests, terminal: Terminal): void {
    for (const name of Object.keys(signalExitCodes) as SignalName[]) {
      this.#stop.push(
        signals.on(name, () => {
          if (this.signal !== null) {
            this.#force(new ForcedInterrupt(name));
            return;
          }
          this.signal = name;
          requests.interrupt = name;
          terminal.line(
            `${name}: finishing this update, then saving. Once more ends at once without saving.`,
          );
        }),
      );
    }
  }

  disarm(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
  }

  /** `work`, unless a second signal comes first. */
  async race<T>(work: Promise<T>): Promise<T> {
    const forced = new Promise<never>((_resolve, reject) => {
      this.#force = reject;
    });
    return Promise.race([work, forced]);
  }
}
