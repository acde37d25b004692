import type { Plain } from '../plain.ts';
import { distributionToJson } from '../distributionJson.ts';
import { timestamp } from '../frozenTrial.ts';
import { type PyFloat, pyFloat, type PythonJson, writePythonJson } from '../pythonJson.ts';
import type { ParamEntry, TrialChanges, TrialTemplate } from '../storages/storage.ts';
import { type Direction, directionCode, stateCode } from '../trialState.ts';

/** The kinds of lines in Optuna's journal, by their number. */
export const OPERATION = {
  createStudy: 0,
  deleteStudy: 1,
  studyUserAttr: 2,
  studySystemAttr: 3,
  createTrial: 4,
  trialParam: 5,
  trialState: 6,
  intermediateValue: 7,
  trialUserAttr: 8,
  trialSystemAttr: 9,
  discardTrials: 10,
} as const;

/** One line's content; `op_code` and `worker_id` first, the rest in Optuna's order. */
export type OperationLine = { readonly [key: string]: PythonJson | undefined };

/** Builds the lines of one worker exactly as Optuna 5.0 writes them. */
export class OperationWriter {
  readonly #workerId: string;

  /** @param workerId unique per writer; Optuna tells by it whose rejected line it was */
  constructor(workerId: string) {
    this.#workerId = workerId;
  }

  createStudy(name: string, directions: readonly Direction[]): OperationLine {
    const codes = directions.map(directionCode);
    return this.#line(OPERATION.createStudy, { study_name: name, directions: codes });
  }

  deleteStudy(studyId: number): OperationLine {
    return this.#line(OPERATION.deleteStudy, { study_id: studyId });
  }

  studyAttr(studyId: number, kind: 'user' | 'system', key: string, value: Plain): OperationLine {
    return kind === 'user'
      ? this.#line(OPERATION.studyUserAttr, { study_id: studyId, user_attr: { [key]: value } })
      : this.#line(OPERATION.studySystemAttr, { study_id: studyId, system_attr: { [key]: value } });
  }

  createTrial(studyId: number, template?: TrialTemplate): OperationLine {
    const now = timestamp();
    if (template === undefined) {
      return this.#line(OPERATION.createTrial, { study_id: studyId, datetime_start: now });
    }
    const { state, params = [] } = template;
    const values = template.values ?? null;
    const single = values?.length === 1 ? pyFloat(values[0]) : null;
    const several = values !== null && values.length > 1 ? floats(values) : null;
    return this.#line(OPERATION.createTrial, {
      study_id: studyId,
      datetime_start: state === 'WAITING' ? null : now,
      state: stateCode(state),
      value: single,
      values: several,
      datetime_complete: state === 'WAITING' || state === 'RUNNING' ? undefined : now,
      distributions: byName(params, (entry) => distributionToJson(entry.distribution)),
      params: byName(params, internalOf),
      user_attrs: template.userAttrs ?? {},
      system_attrs: template.systemAttrs ?? {},
      intermediate_values: Object.fromEntries(
        [...(template.intermediateValues ?? [])].map(([step, value]) => [step, pyFloat(value)]),
      ),
    });
  }

  start(trialId: number): OperationLine {
    return this.#line(OPERATION.trialState, {
      trial_id: trialId,
      state: stateCode('RUNNING'),
      values: null,
      datetime_start: timestamp(),
    });
  }

  changes(trialId: number, changes: TrialChanges): OperationLine[] {
    const lines: OperationLine[] = [];
    for (const entry of changes.params ?? []) lines.push(this.#param(trialId, entry));
    for (const [key, value] of Object.entries(changes.systemAttrs ?? {})) {
      const system_attr = { [key]: value };
      lines.push(this.#line(OPERATION.trialSystemAttr, { trial_id: trialId, system_attr }));
    }
    for (const { step, value } of changes.reports ?? []) {
      const intermediate_value = pyFloat(value);
      const fields = { trial_id: trialId, step, intermediate_value };
      lines.push(this.#line(OPERATION.intermediateValue, fields));
    }
    for (const [key, value] of Object.entries(changes.userAttrs ?? {})) {
      const user_attr = { [key]: value };
      lines.push(this.#line(OPERATION.trialUserAttr, { trial_id: trialId, user_attr }));
    }
    if (changes.finish !== undefined) {
      const { state, values } = changes.finish;
      const fields = {
        trial_id: trialId,
        state: stateCode(state),
        values: values === null ? null : floats(values),
        datetime_complete: timestamp(),
      };
      lines.push(this.#line(OPERATION.trialState, fields));
    }
    return lines;
  }

  #param(trialId: number, entry: ParamEntry): OperationLine {
    return this.#line(OPERATION.trialParam, {
      trial_id: trialId,
      param_name: entry.name,
      param_value_internal: internalOf(entry),
      distribution: distributionToJson(entry.distribution),
    });
  }

  #line(code: number, fields: OperationLine): OperationLine {
    return { op_code: code, worker_id: this.#workerId, ...fields };
  }
}

/** The bytes of a line, without its line feed. */
export function encodeLine(line: OperationLine): string {
  return writePythonJson(line);
}

function internalOf(entry: ParamEntry): PythonJson {
  return entry.distribution.kind === 'categorical' ? entry.internal : pyFloat(entry.internal);
}

function byName(
  params: readonly ParamEntry[],
  valueOf: (entry: ParamEntry) => PythonJson,
): { [name: string]: PythonJson } {
  return Object.fromEntries(params.map((entry) => [entry.name, valueOf(entry)]));
}

function floats(values: readonly number[]): PyFloat[] {
  return values.map((value) => pyFloat(value));
}
