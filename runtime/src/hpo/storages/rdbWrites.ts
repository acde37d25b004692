import { distributionToJson } from '../distributionJson.ts';
import { timestamp } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import { writePythonJson } from '../pythonJson.ts';
import { isFinished, type TrialState } from '../trialState.ts';
import type { SqlClient } from './postgresConnection.ts';
import type { ParamEntry, TrialChanges, TrialTemplate } from './storage.ts';

/** Now, as the tables keep moments: UTC without saying so. */
function utcNow(): string {
  return timestamp().slice(0, -'+00:00'.length);
}

/** Adds a trial with the study's next number; the study's row is locked by the caller. */
export async function insertTrial(
  sql: SqlClient,
  studyId: number,
  template?: TrialTemplate,
): Promise<number> {
  const state = template?.state ?? 'RUNNING';
  const now = utcNow();
  const { rows } = await sql.query<{ id: number }>(
    `INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete)
     VALUES ((SELECT count(*) FROM trials WHERE study_id = $1), $1, $2::text::trialstate,
       $3::timestamp, $4::timestamp) RETURNING trial_id AS id`,
    [studyId, state, state === 'WAITING' ? null : now, isFinished(state) ? now : null],
  );
  const [{ id }] = rows;
  if (template === undefined) return id;
  const { params, userAttrs, systemAttrs, intermediateValues, values } = template;
  const reports = [...(intermediateValues ?? [])].map(([step, value]) => ({ step, value }));
  await writeChanges(sql, id, { params, userAttrs, systemAttrs, reports });
  await writeValues(sql, id, values ?? null);
  return id;
}

/** Writes changes of a trial that may be changed. */
export async function writeChanges(
  sql: SqlClient,
  trialId: number,
  changes: TrialChanges,
): Promise<void> {
  for (const entry of changes.params ?? []) await writeParam(sql, trialId, entry);
  for (const kind of ['system', 'user'] as const) {
    const attrs = kind === 'system' ? changes.systemAttrs : changes.userAttrs;
    for (const [key, value] of Object.entries(attrs ?? {})) {
      await writeAttr(sql, 'trial', trialId, kind, key, value);
    }
  }
  for (const { step, value } of changes.reports ?? []) {
    await sql.query(
      `INSERT INTO trial_intermediate_values
         (trial_id, step, intermediate_value, intermediate_value_type)
       VALUES ($1, $2, $3, $4::text::trialintermediatevaluetype)
       ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = excluded.intermediate_value,
         intermediate_value_type = excluded.intermediate_value_type`,
      [trialId, step, Number.isFinite(value) ? value : null, finiteness(value)],
    );
  }
  if (changes.finish === undefined) return;
  await writeValues(sql, trialId, changes.finish.values);
  await writeState(sql, trialId, changes.finish.state);
}

/** Moves a trial to another state, with the moment of its start or end. */
export async function writeState(
  sql: SqlClient,
  trialId: number,
  state: TrialState,
): Promise<void> {
  const column = state === 'RUNNING' ? 'datetime_start' : 'datetime_complete';
  await sql.query(
    `UPDATE trials SET state = $2::text::trialstate, ${column} = $3::timestamp WHERE trial_id = $1`,
    [trialId, state, utcNow()],
  );
}

/** Sets one attribute of a trial or a study. */
export async function writeAttr(
  sql: SqlClient,
  owner: 'trial' | 'study',
  id: number,
  kind: 'user' | 'system',
  key: string,
  value: Plain,
): Promise<void> {
  await sql.query(
    `INSERT INTO ${owner}_${kind}_attributes (${owner}_id, key, value_json) VALUES ($1, $2, $3)
     ON CONFLICT (${owner}_id, key) DO UPDATE SET value_json = excluded.value_json`,
    [id, key, writePythonJson(value, true)],
  );
}

async function writeParam(sql: SqlClient, trialId: number, entry: ParamEntry): Promise<void> {
  await sql.query(
    `INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
     VALUES ($1, $2, $3, $4) ON CONFLICT (trial_id, param_name) DO UPDATE
     SET param_value = excluded.param_value, distribution_json = excluded.distribution_json`,
    [trialId, entry.name, entry.internal, distributionToJson(entry.distribution)],
  );
}

async function writeValues(
  sql: SqlClient,
  trialId: number,
  values: readonly number[] | null,
): Promise<void> {
  for (const [objective, value] of (values ?? []).entries()) {
    await sql.query(
      `INSERT INTO trial_values (trial_id, objective, value, value_type)
       VALUES ($1, $2, $3, $4::text::trialvaluetype) ON CONFLICT (trial_id, objective) DO UPDATE
       SET value = excluded.value, value_type = excluded.value_type`,
      [trialId, objective, Number.isFinite(value) ? value : null, finiteness(value)],
    );
  }
}

function finiteness(value: number): string {
  if (Number.isFinite(value)) return 'FINITE';
  return Number.isNaN(value) ? 'NAN' : value > 0 ? 'INF_POS' : 'INF_NEG';
}
