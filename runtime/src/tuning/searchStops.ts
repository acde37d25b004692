import type { HpoHost } from './runSearch.ts';
import type { StudyProgress } from './studyProgress.ts';

const PAUSE_KEY = 'p';
const STOP_KEY = 'q';
/** How running trials are stopped. */
export interface Stoppable {
  /** Lets them save and end. */
  pause(): void;
  /** Ends them at once. */
  kill(): void;
}

/** Waiting for a key alone would not keep the process alive. */
const STAY_MS = 60_000;

/**
 * How a search is paused and stopped: key `p` pauses inside the running trials, which save and
 * give their processes up, and goes on with them at the next `p`; `q` and signals end the command
 * the same way, at once when given twice.
 */
export class SearchStops {
  readonly #host: HpoHost;
  readonly #coordinator: Stoppable;
  readonly #progress: StudyProgress;
  readonly #offs: (() => void)[];
  #stops = 0;
  #isPaused = false;
  #changed: () => void = () => undefined;

  constructor(host: HpoHost, progress: StudyProgress, coordinator: Stoppable) {
    this.#host = host;
    this.#coordinator = coordinator;
    this.#progress = progress;
    const stop = (): void => {
      this.#stop();
    };
    this.#offs = (['SIGINT', 'SIGTERM'] as const).map((name) => host.signals.on(name, stop));
    // A terminal that goes away may say so twice, by itself and by its shell.
    const hangUp = host.signals.on('SIGHUP', () => {
      if (!this.asked) stop();
    });
    this.#offs.push(hangUp);
    const keys = host.terminal.onKey?.((key) => {
      if (key === PAUSE_KEY) this.#pause();
      if (key === STOP_KEY) this.#stop();
    });
    if (keys !== null && keys !== undefined) {
      this.#offs.push(keys);
      progress.note(`${PAUSE_KEY} pauses, ${STOP_KEY} stops; the same command goes on`);
    }
  }

  /** True when somebody asked for the end. */
  get asked(): boolean {
    return this.#stops > 0;
  }

  /** After the coordinator has stopped: waits while paused. @returns whether to go on */
  async goesOn(): Promise<boolean> {
    if (!this.#isPaused) return false;
    this.#progress.note(`paused, all saved: ${PAUSE_KEY} goes on, ${STOP_KEY} stops`);
    const stay = setInterval(() => undefined, STAY_MS);
    while (this.#isPaused && this.#stops === 0) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    clearInterval(stay);
    this.#progress.note(`${PAUSE_KEY} pauses, ${STOP_KEY} stops; the same command goes on`);
    return this.#stops === 0;
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  #pause(): void {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) {
      this.#progress.note('pausing: running trials save and end');
      this.#coordinator.pause();
    }
    this.#changed();
  }

  #stop(): void {
    this.#stops++;
    if (this.#stops === 1) {
      this.#host.terminal.line(
        'Pausing: running trials save and will be continued. Again: end at once.',
      );
      this.#coordinator.pause();
    } else {
      this.#coordinator.kill();
    }
    this.#changed();
  }
}
