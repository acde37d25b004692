import type { Distribution } from '../distribution.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import type { Direction, TrialState } from '../trialState.ts';

/** What a storage knows about a study, apart from its trials. */
export interface StudyRecord {
  readonly id: number;
  readonly name: string;
  readonly directions: readonly Direction[];
  readonly userAttrs: Readonly<Record<string, Plain>>;
  readonly systemAttrs: Readonly<Record<string, Plain>>;
}

/** One parameter to be recorded, by its stored number. */
export interface ParamEntry {
  readonly name: string;
  readonly internal: number;
  readonly distribution: Distribution;
}

/** Changes to one trial, recorded together or not at all as far as one write can promise. */
export interface TrialChanges {
  readonly params?: readonly ParamEntry[];
  readonly userAttrs?: Readonly<Record<string, Plain>>;
  readonly systemAttrs?: Readonly<Record<string, Plain>>;
  readonly reports?: readonly { readonly step: number; readonly value: number }[];
  /** Ends the trial; nothing about it can be changed afterwards. */
  readonly finish?: {
    readonly state: Exclude<TrialState, 'RUNNING' | 'WAITING'>;
    readonly values: readonly number[] | null;
  };
}

/** A trial that comes into being other than by running: enqueued, or done elsewhere. */
export interface TrialTemplate {
  readonly state: TrialState;
  readonly values?: readonly number[] | null;
  readonly params?: readonly ParamEntry[];
  readonly userAttrs?: Readonly<Record<string, Plain>>;
  readonly systemAttrs?: Readonly<Record<string, Plain>>;
  readonly intermediateValues?: ReadonlyMap<number, number>;
}

/**
 * Where studies live. Every promise that resolves is an acknowledgement: what it did survives the
 * death of the process. Numbers within a study are 0, 1, 2, ... in the order of creation, also
 * when several processes create trials at once.
 *
 * Errors: ERR_HPO_STUDY_EXISTS, ERR_HPO_STUDY_UNKNOWN, ERR_HPO_TRIAL_UNKNOWN,
 * ERR_HPO_TRIAL_FINISHED (a change to a finished trial), ERR_HPO_SPACE_CHANGED (a parameter whose
 * kind, log or choices differ from earlier trials').
 */
export interface Storage {
  /** For messages: the path or address. */
  readonly location: string;
  createStudy(name: string, directions: readonly Direction[]): Promise<StudyRecord>;
  deleteStudy(studyId: number): Promise<void>;
  studies(): Promise<readonly StudyRecord[]>;
  setStudyAttr(studyId: number, kind: 'user' | 'system', key: string, value: Plain): Promise<void>;
  /** Creates a RUNNING trial, or the template's; `changes` are recorded with it. */
  createTrial(
    studyId: number,
    template?: TrialTemplate,
    changes?: TrialChanges,
  ): Promise<FrozenTrial>;
  /** Makes the first WAITING trial RUNNING; undefined when none waits. */
  claimWaiting(studyId: number, changes?: TrialChanges): Promise<FrozenTrial | undefined>;
  /** @param soon a storage in a file may bring this to the disk a moment later, or with what follows */
  updateTrial(trialId: number, changes: TrialChanges, soon?: boolean): Promise<FrozenTrial>;
  /** All trials of the study by number; a fresh array of frozen records. */
  trials(studyId: number): Promise<readonly FrozenTrial[]>;
  /** Resolves once what was to come `soon` has come. */
  flush?(): Promise<void>;
  /** Releases files and connections; calling it twice is harmless. */
  close(): Promise<void>;
}
