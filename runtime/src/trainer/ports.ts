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
  /** The merged config as text, written to `config.yaml` in the folder of the run. */
  readonly configText?: string;
  /** Program and arguments, noted in `run.json`. */
  readonly command?: readonly string[];
  /** Values that must reach no file and no log, such as keys of the environment section. */
  readonly secrets?: readonly string[];
  /** The command that resumes from a checkpoint; printed after a pause. */
  readonly resumeHint?: (path: string) => string;
}

type Optional = 'resumeHint' | 'configText';
export type ResolvedPorts = Required<Omit<TrainerPorts, Optional>> & Pick<TrainerPorts, Optional>;

export function resolvePorts(ports: TrainerPorts): ResolvedPorts {
  return {
    terminal: silentTerminal,
    signals: noSignals,
    clock: systemClock,
    config: null,
    command: [],
    secrets: [],
    ...ports,
  };
}
