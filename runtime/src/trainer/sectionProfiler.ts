import type { Clock } from '../core/ports.ts';
/** interim */
export class Profiler {
  #clock: Clock;
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  enter(_section: string): void {}
  time<T>(_name: string, run: () => T): T {
    void this.#clock;
    return run();
  }
}
