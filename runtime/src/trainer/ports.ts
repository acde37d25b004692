import type { Json } from '../core/json.ts';
import {
  noSignals,
  silentTerminal,
  systemClock,
  type Clock,
  type Signals,
  type Terminal,
} from '../core/ports.ts';

/** What a trainer uses of its surroundings; by default it is silent and sees no signals. */
export interface TrainerPorts {
  readonly terminal?: Terminal;
  readonly signals?: Signals;
  readonly clock?: Clock;
  /** The merged config of the run: saved in checkpoints, seen by callbacks. */
  readonly config?: Json;
  /** The command that resumes from a checkpoint; printed after a pause. */
  readonly resumeHint?: (path: string) => string;
}

export type ResolvedPorts = Required<Omit<TrainerPorts, 'resumeHint'>> &
  Pick<TrainerPorts, 'resumeHint'>;

export function resolvePorts(ports: TrainerPorts): ResolvedPorts {
  return {
    terminal: silentTerminal,
    signals: noSignals,
    clock: systemClock,
    config: null,
    ...ports,
  };
}
