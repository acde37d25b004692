import {
  type Distribution,
  incompatibility,
  type ParamValue,
  toExternal,
} from '../distribution.ts';
import { distributionFromJson } from '../distributionJson.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import type { StudyRecord } from '../storages/storage.ts';
import { directionOfCode, isFinished, stateOfCode, type TrialState } from '../trialState.ts';
import { OPERATION } from './operations.ts';

type Line = Readonly<Record<string, unknown>>;
type Attrs = Readonly<Record<string, Plain>>;

interface StudyEntry {
  record: StudyRecord;
  readonly trialIds: number[];
  /** How each parameter was first described; later descriptions must be compatible. */
  readonly spaces: Map<string, Distribution>;
  deleted: boolean;
}

/**
 * The state that a sequence of journal lines leads to. Ids are positions in the sequence, so
 * every reader must accept and ignore exactly the same lines; the rules are Optuna's.
 */
export class StudyLog {
  readonly #studies: StudyEntry[] = [];
  readonly #trials: FrozenTrial[] = [];
  readonly #studyOfTrial: number[] = [];
  /** Trials that nobody has seen yet as they are: these may still be changed in place. */
  readonly #unseen = new Set<number>();
  /** Trials share the objects that describe equal distributions. */
  readonly #distributions = new Map<string, Distribution>();

  get nextStudyId(): number {
    return this.#studies.length;
  }

  get nextTrialId(): number {
    return this.#trials.length;
  }

  studies(): StudyRecord[] {
    return this.#studies.filter((study) => !study.deleted).map((study) => study.record);
  }

  study(id: number): StudyRecord | undefined {
    const study = this.#live(id);
    return study?.record;
  }

  trial(id: number): FrozenTrial | undefined {
    this.#unseen.delete(id);
    return this.#trials[id];
  }

  trialsOf(studyId: number): FrozenTrial[] {
    this.#unseen.clear();
    return (this.#live(studyId)?.trialIds ?? []).map((id) => this.#trials[id]);
  }

  /** How the study's trials have described the parameter so far. */
  spaceOf(trialId: number, param: string): Distribution | undefined {
    return this.#studies[this.#studyOfTrial[trialId]]?.spaces.get(param);
  }

  /**
   * Applies one line. Lines that do not fit (a change to a finished trial, an unknown id) have no
   * effect, as in every other reader of the file.
   * @throws Error for a line that no version of the format can mean
   */
  apply(line: Line): void {
    switch (line.op_code) {
      case OPERATION.createStudy: {
        this.#createStudy(line);
        return;
      }
      case OPERATION.deleteStudy: {
        this.#deleteStudy(line);
        return;
      }
      case OPERATION.studyUserAttr:
      case OPERATION.studySystemAttr: {
        this.#studyAttr(line);
        return;
      }
      case OPERATION.createTrial: {
        this.#createTrial(line);
        return;
      }
      case OPERATION.trialParam: {
        this.#trialParam(line);
        return;
      }
      case OPERATION.trialState: {
        this.#trialState(line);
        return;
      }
      case OPERATION.intermediateValue: {
        this.#intermediateValue(line);
        return;
      }
      case OPERATION.trialUserAttr: {
        this.#change(line, ({ userAttrs }) => ({
          userAttrs: { ...userAttrs, ...(line.user_attr as Attrs) },
        }));
        return;
      }
      case OPERATION.trialSystemAttr: {
        this.#change(line, ({ systemAttrs }) => ({
          systemAttrs: { ...systemAttrs, ...(line.system_attr as Attrs) },
        }));
        return;
      }
      case OPERATION.discardTrials:
        return;
      default:
        throw new Error(`unknown operation ${String(line.op_code)}`);
    }
  }

  #createStudy(line: Line): void {
    const name = String(line.study_name);
    if (this.studies().some((study) => study.name === name)) return;
    const directions = (line.directions as number[]).map(directionOfCode);
    this.#studies.push({
      record: { id: this.#studies.length, name, directions, userAttrs: {}, systemAttrs: {} },
      trialIds: [],
      spaces: new Map(),
      deleted: false,
    });
  }

  #deleteStudy(line: Line): void {
    const study = this.#live(line.study_id);
    if (study !== undefined) study.deleted = true;
  }

  #studyAttr(line: Line): void {
    const study = this.#live(line.study_id);
    if (study === undefined) return;
    const { userAttrs, systemAttrs } = study.record;
    study.record = {
      ...study.record,
      userAttrs: { ...userAttrs, ...(line.user_attr as Attrs | undefined) },
      systemAttrs: { ...systemAttrs, ...(line.system_attr as Attrs | undefined) },
    };
  }

  #createTrial(line: Line): void {
    const study = this.#live(line.study_id);
    if (study === undefined) return;
    const trial = trialOfLine(line, this.#trials.length, study.trialIds.length, (text) =>
      this.#distribution(text),
    );
    for (const [name, distribution] of Object.entries(trial.distributions)) {
      if (!study.spaces.has(name)) study.spaces.set(name, distribution);
    }
    study.trialIds.push(trial.id);
    this.#trials.push(trial);
    this.#studyOfTrial.push(study.record.id);
  }

  #trialParam(line: Line): void {
    this.#change(line, ({ id, params, distributions }) => {
      const name = String(line.param_name);
      const distribution = this.#distribution(String(line.distribution));
      const spaces = this.#studies[this.#studyOfTrial[id]].spaces;
      const known = spaces.get(name);
      if (known === undefined) spaces.set(name, distribution);
      else if (known !== distribution && incompatibility(known, distribution) !== undefined)
        return {};
      const value = toExternal(distribution, Number(line.param_value_internal));
      if (!this.#unseen.has(id)) {
        return {
          params: { ...params, [name]: value },
          distributions: { ...distributions, [name]: distribution },
        };
      }
      (params as Record<string, ParamValue>)[name] = value;
      (distributions as Record<string, Distribution>)[name] = distribution;
      return {};
    });
  }

  #distribution(text: string): Distribution {
    let known = this.#distributions.get(text);
    if (known === undefined) {
      known = distributionFromJson(text);
      this.#distributions.set(text, known);
    }
    return known;
  }

  #trialState(line: Line): void {
    this.#change(line, (trial) => {
      const state = stateOf(line.state);
      // Somebody else was faster in starting a waiting trial.
      if (state === 'RUNNING' && trial.state === 'RUNNING') return {};
      return {
        state,
        values: (line.values as number[] | null) ?? trial.values,
        datetimeStart: state === 'RUNNING' ? textOf(line.datetime_start) : trial.datetimeStart,
        datetimeComplete: isFinished(state)
          ? textOf(line.datetime_complete)
          : trial.datetimeComplete,
      };
    });
  }

  #intermediateValue(line: Line): void {
    this.#change(line, ({ intermediateValues }) => ({
      intermediateValues: new Map(intermediateValues).set(
        Number(line.step),
        numberOf(line.intermediate_value),
      ),
    }));
  }

  #change(line: Line, changes: (trial: FrozenTrial) => Partial<FrozenTrial>): void {
    const trial = this.#trials[Number(line.trial_id)] as FrozenTrial | undefined;
    if (trial === undefined || isFinished(trial.state)) return;
    const change = changes(trial);
    if (this.#unseen.has(trial.id)) Object.assign(trial, change);
    else {
      this.#trials[trial.id] = { ...trial, ...change };
      if ('params' in change) this.#unseen.add(trial.id);
    }
  }

  #live(id: unknown): StudyEntry | undefined {
    const study = this.#studies[Number(id)] as StudyEntry | undefined;
    return study === undefined || study.deleted ? undefined : study;
  }
}

function trialOfLine(
  line: Line,
  id: number,
  number: number,
  distributionOf: (text: string) => Distribution,
): FrozenTrial {
  const distributions = Object.fromEntries(
    Object.entries((line.distributions ?? {}) as Record<string, string>).map(([name, text]) => [
      name,
      distributionOf(text),
    ]),
  );
  const params = Object.entries((line.params ?? {}) as Record<string, number>);
  const value = (line.value ?? null) as number | null;
  const reports = Object.entries((line.intermediate_values ?? {}) as Record<string, number | null>);
  return {
    id,
    number,
    state: stateOf(line.state ?? 0),
    values: (line.values as number[] | null | undefined) ?? (value === null ? null : [value]),
    params: Object.fromEntries(
      params.map(([name, internal]) => [name, toExternal(distributions[name], internal)]),
    ),
    distributions,
    userAttrs: (line.user_attrs ?? {}) as Attrs,
    systemAttrs: (line.system_attrs ?? {}) as Attrs,
    intermediateValues: new Map(reports.map(([step, report]) => [Number(step), numberOf(report)])),
    datetimeStart: textOf(line.datetime_start),
    datetimeComplete: textOf(line.datetime_complete),
  };
}

function stateOf(code: unknown): TrialState {
  const state = stateOfCode(Number(code));
  if (state === undefined) throw new Error(`unknown trial state ${String(code)}`);
  return state;
}

/** Writers that do not know the token NaN leave null in its place. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : NaN;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
