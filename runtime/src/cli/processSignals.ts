import type { Signals } from '../core/ports.ts';

/** The signals of this process. While nobody listens, a signal ends the process as usual. */
export const processSignals: Signals = {
  on(signal, handler) {
    const listener = signal === 'SIGHUP' && !hasTerminal() ? outlive : handler;
    process.on(signal, listener);
    return () => {
      process.off(signal, listener);
    };
  },
};

/**
 * Without a terminal of its own, as under `nohup`, a process is not meant when one is closed. Node
 * itself makes `nohup` forgotten: it sets every signal back when it starts.
 */
function hasTerminal(): boolean {
  return [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
}

function outlive(): void {
  // Listening is enough.
}
