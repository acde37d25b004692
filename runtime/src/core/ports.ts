/** Where text for people goes; made by the command line, replaced in tests. */
export interface Terminal {
  /** False in pipes, CI and notebooks: then there are no live lines, only plain ones. */
  readonly isTTY: boolean;
  readonly columns: number;
  readonly color: boolean;
  /** False where only ASCII is safe to print. Default true. */
  readonly unicode?: boolean;
  /** Prints a line above any live lines. */
  line(text: string): void;
  /** Replaces the live lines at the bottom; null removes them. No effect without a TTY. */
  live(lines: readonly string[] | null): void;
  /**
   * Asks to be told one key press at a time; several bytes at once (a paste) are no key press.
   * @returns how to stop, or null where no keys can be read: no TTY, CI, a job in the background
   */
  onKey?(handler: (key: string) => void): (() => void) | null;
}

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGUSR1' | 'SIGUSR2' | 'SIGHUP';

/** Process signals. */
export interface Signals {
  /** Calls `handler` on each arrival; returns how to stop. */
  on(signal: SignalName, handler: () => void): () => void;
}

/** Environment variables. */
export interface Env {
  get(name: string): string | undefined;
}

/** Milliseconds, monotonic. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => performance.now() };

/** For programs and tests that want no output at all. */
export const silentTerminal: Terminal = {
  isTTY: false,
  columns: 80,
  color: false,
  line: () => undefined,
  live: () => undefined,
};

export const noSignals: Signals = { on: () => () => undefined };
