/** Where text for people goes; made by the command line, replaced in tests. */
export interface Terminal {
  /** False in pipes, CI and notebooks: then there are no live lines, only plain ones. */
  readonly isTTY: boolean;
  readonly columns: number;
  readonly color: boolean;
  /** Prints a line above any live lines. */
  line(text: string): void;
  /** Replaces the live lines at the bottom; null removes them. No effect without a TTY. */
  live(lines: readonly string[] | null): void;
  /** Asks to be told one key press at a time; returns how to stop. No effect without a TTY. */
  onKey?(handler: (key: string) => void): () => void;
}

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGUSR2' | 'SIGHUP';

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
