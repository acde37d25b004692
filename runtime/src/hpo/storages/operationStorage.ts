import { randomUUID } from 'node:crypto';
import { LightboxError } from '../../errors.ts';
import { incompatibility } from '../distribution.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import { type OperationLine, OperationWriter } from '../journal/operations.ts';
import type { StudyLog } from '../journal/studyLog.ts';
import type { Plain } from '../plain.ts';
import { type Direction, isFinished } from '../trialState.ts';
import type { Storage, StudyRecord, TrialChanges, TrialTemplate } from './storage.ts';

/** Where the operations of an {@link OperationStorage} are kept. */
export interface OperationLog {
  readonly location: string;
  /** The up-to-date state. */
  read(): Promise<StudyLog>;
  /**
   * Decides on the up-to-date state which lines to add, while no other process can add any; adds
   * them and applies them. They survive the death of the process, and of the machine too:
   * @param soon false: from now on; true: in a moment, or together with the next lines
   */
  append(decide: (state: StudyLog) => readonly OperationLine[], soon?: boolean): Promise<StudyLog>;
  /** Resolves once all that was added survives the death of the machine. */
  flush?(): Promise<void>;
  close(): Promise<void>;
}

/** A storage over a log of operations; what it may not do is refused before anything is written. */
export class OperationStorage implements Storage {
  readonly #log: OperationLog;
  readonly #writer = new OperationWriter(randomUUID());

  constructor(log: OperationLog) {
    this.#log = log;
  }

  get location(): string {
    return this.#log.location;
  }

  async createStudy(name: string, directions: readonly Direction[]): Promise<StudyRecord> {
    if (directions.length === 0) {
      throw new LightboxError('ERR_HPO_DIRECTIONS', 'a study needs at least one direction');
    }
    let id = 0;
    const state = await this.#log.append((before) => {
      if (before.studies().some((study) => study.name === name)) {
        const message = `${this.location} has a study "${name}" already`;
        throw new LightboxError('ERR_HPO_STUDY_EXISTS', message);
      }
      id = before.nextStudyId;
      return [this.#writer.createStudy(name, directions)];
    });
    return this.#study(state, id);
  }

  async deleteStudy(studyId: number): Promise<void> {
    await this.#log.append((state) => {
      this.#study(state, studyId);
      return [this.#writer.deleteStudy(studyId)];
    });
  }

  async studies(): Promise<readonly StudyRecord[]> {
    return (await this.#log.read()).studies();
  }

  async setStudyAttr(
    studyId: number,
    kind: 'user' | 'system',
    key: string,
    value: Plain,
  ): Promise<void> {
    await this.#log.append((state) => {
      this.#study(state, studyId);
      return [this.#writer.studyAttr(studyId, kind, key, value)];
    });
  }

  async createTrial(
    studyId: number,
    template?: TrialTemplate,
    changes: TrialChanges = {},
  ): Promise<FrozenTrial> {
    let id = 0;
    const state = await this.#log.append((before) => {
      this.#study(before, studyId);
      id = before.nextTrialId;
      return [this.#writer.createTrial(studyId, template), ...this.#writer.changes(id, changes)];
      // A trial that only begins has nothing to lose; the disk is written to while it runs.
    }, template === undefined);
    return this.#trial(state, id);
  }

  async claimWaiting(
    studyId: number,
    changes: TrialChanges = {},
  ): Promise<FrozenTrial | undefined> {
    const waiting = (state: StudyLog): number | undefined =>
      state.trialsOf(studyId).find((trial) => trial.state === 'WAITING')?.id;
    if (waiting(await this.#log.read()) === undefined) return undefined;
    let id: number | undefined;
    const state = await this.#log.append((before) => {
      id = waiting(before);
      if (id === undefined) return [];
      return [this.#writer.start(id), ...this.#writer.changes(id, changes)];
    });
    return id === undefined ? undefined : this.#trial(state, id);
  }

  async updateTrial(trialId: number, changes: TrialChanges, soon?: boolean): Promise<FrozenTrial> {
    const state = await this.#log.append((before) => {
      this.#checkChanges(before, trialId, changes);
      return this.#writer.changes(trialId, changes);
    }, soon);
    return this.#trial(state, trialId);
  }

  async trials(studyId: number): Promise<readonly FrozenTrial[]> {
    const state = await this.#log.read();
    this.#study(state, studyId);
    return state.trialsOf(studyId);
  }

  async flush(): Promise<void> {
    await this.#log.flush?.();
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  #checkChanges(state: StudyLog, trialId: number, changes: TrialChanges): void {
    const trial = this.#trial(state, trialId);
    if (isFinished(trial.state)) {
      const message = `trial ${trial.number} is finished (${trial.state}) and cannot be changed`;
      throw new LightboxError('ERR_HPO_TRIAL_FINISHED', message);
    }
    for (const { name, distribution } of changes.params ?? []) {
      const before = state.spaceOf(trialId, name);
      const reason = before === undefined ? undefined : incompatibility(before, distribution);
      if (reason !== undefined) {
        throw new LightboxError(
          'ERR_HPO_SPACE_CHANGED',
          `parameter "${name}": ${reason}. Within one study only the bounds of a range may change; ` +
            'start another study for another space',
        );
      }
    }
  }

  #study(state: StudyLog, id: number): StudyRecord {
    const study = state.study(id);
    if (study !== undefined) return study;
    throw new LightboxError('ERR_HPO_STUDY_UNKNOWN', `${this.location} has no study ${id}`);
  }

  #trial(state: StudyLog, id: number): FrozenTrial {
    const trial = state.trial(id);
    if (trial !== undefined) return trial;
    throw new LightboxError('ERR_HPO_TRIAL_UNKNOWN', `${this.location} has no trial ${id}`);
  }
}
