import type { Signals } from '../core/ports.ts';

/** The signals of this process. While nobody listens, a signal ends the process as usual. */
export const processSignals: Signals = {
  on(signal, handler) {
    process.on(signal, handler);
    return () => {
      process.off(signal, handler);
    };
  },
};
