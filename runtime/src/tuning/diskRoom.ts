import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import { isDiskFull } from '../hpo/journal/diskFull.ts';

/** What a write that must succeed writes: more than notes and logs of a trial take at once. */
const PROBE_BYTES = 1 << 16;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

/** How a {@link DiskRoom} waits. */
export interface DiskRoomOptions {
  /** Told when waiting begins and when it was worth it. */
  readonly say: (text: string) => void;
  /** For how many milliseconds there is hope. Default 600,000. */
  readonly patienceMs?: number;
}

/**
 * A disk that trials write to. Its being full says nothing against a trial: the search waits for
 * room instead of failing one trial after the other.
 */
export class DiskRoom {
  readonly #folder: string;
  readonly #options: DiskRoomOptions;

  constructor(folder: string, options: DiskRoomOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** True when a trial failed by the disk, by what it said or by what the disk says now. */
  isToBlameFor(message: string): boolean {
    return /ENOSPC|EDQUOT|no space left/i.test(message) || this.#isFull();
  }

  /**
   * Returns when there is room again, or when `stopped` says so. Always pauses: what failed may
   * need more than the little that is tried here.
   * @throws UsageError ERR_HPO_DISK_FULL when there was no room for too long
   */
  async wait(stopped: () => boolean): Promise<void> {
    const { say, patienceMs = 600_000 } = this.#options;
    say(`The disk of ${this.#folder} is full; waiting for room, the trial goes on then.`);
    const begun = performance.now();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
      for (let waited = 0; waited < pause && !stopped(); waited += FIRST_PAUSE_MS) {
        await sleep(FIRST_PAUSE_MS);
      }
      if (stopped()) return;
      if (!this.#isFull()) break;
      if (performance.now() - begun > patienceMs) {
        const message = `the disk of ${this.#folder} is full. Free some space and run the same command again: it goes on where it was`;
        throw new UsageError('ERR_HPO_DISK_FULL', message);
      }
    }
    say('There is room again.');
  }

  #isFull(): boolean {
    const probe = join(this.#folder, '.room');
    try {
      const file = openSync(probe, 'w');
      try {
        writeSync(file, Buffer.alloc(PROBE_BYTES, 1));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return false;
    } catch (error) {
      return isDiskFull(error);
    } finally {
      rmSync(probe, { force: true });
    }
  }
}
