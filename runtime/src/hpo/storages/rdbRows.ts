import { type Distribution, toExternal } from '../distribution.ts';
import { distributionFromJson } from '../distributionJson.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import { parsePythonJson } from '../pythonJson.ts';
import type { TrialState } from '../trialState.ts';
import type { SqlClient } from './postgresConnection.ts';
import type { StudyRecord } from './storage.ts';

type Finite = 'FINITE' | 'INF_POS' | 'INF_NEG' | 'NAN';
type Attributes = readonly (readonly [key: string, json: string])[] | null;

interface TrialRow {
  readonly id: number;
  readonly number: number;
  readonly state: TrialState;
  readonly started: string | null;
  readonly completed: string | null;
  readonly values: readonly (readonly [value: number | null, type: Finite])[] | null;
  readonly params: readonly (readonly [name: string, internal: number, json: string])[] | null;
  readonly user: Attributes;
  readonly system: Attributes;
  readonly reports: readonly (readonly [step: number, value: number | null, type: Finite])[] | null;
}

const MOMENT = `'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'`;

const list = (columns: string, table: string, order: string): string =>
  `(SELECT json_agg(json_build_array(${columns}) ORDER BY ${order})
    FROM ${table} AS x WHERE x.trial_id = t.trial_id)`;

/** One statement, so that all of it is of one moment. */
const SELECT_TRIALS = `SELECT t.trial_id AS id, t.number, t.state::text AS state,
  to_char(t.datetime_start, ${MOMENT}) AS started,
  to_char(t.datetime_complete, ${MOMENT}) AS completed,
  ${list('value, value_type', 'trial_values', 'objective')} AS values,
  ${list('param_name, param_value, distribution_json', 'trial_params', 'param_id')} AS params,
  ${list('key, value_json', 'trial_user_attributes', 'trial_user_attribute_id')} AS user,
  ${list('key, value_json', 'trial_system_attributes', 'trial_system_attribute_id')} AS system,
  ${list(
    'step, intermediate_value, intermediate_value_type',
    'trial_intermediate_values',
    'trial_intermediate_value_id',
  )} AS reports
  FROM trials AS t`;

/** One trial; undefined when there is none of that id. */
export async function readTrial(sql: SqlClient, id: number): Promise<FrozenTrial | undefined> {
  const { rows } = await sql.query<TrialRow>(`${SELECT_TRIALS} WHERE t.trial_id = $1`, [id]);
  return rows.map(trialOfRow).at(0);
}

/** The study's trials whose ids are above `after` or among `also`, by number. */
export async function readTrials(
  sql: SqlClient,
  studyId: number,
  after: number,
  also: readonly number[],
): Promise<FrozenTrial[]> {
  const { rows } = await sql.query<TrialRow>(
    `${SELECT_TRIALS} WHERE t.study_id = $1 AND (t.trial_id > $2 OR t.trial_id = ANY($3::int[]))
     ORDER BY t.number`,
    [studyId, after, also],
  );
  return rows.map(trialOfRow);
}

/** All studies by id, or the one asked for. */
export async function readStudies(sql: SqlClient, id?: number): Promise<StudyRecord[]> {
  const attributes = (kind: string): string =>
    `(SELECT json_agg(json_build_array(key, value_json) ORDER BY study_${kind}_attribute_id)
      FROM study_${kind}_attributes AS x WHERE x.study_id = s.study_id)`;
  const { rows } = await sql.query<{
    id: number;
    name: string;
    directions: string[] | null;
    user: Attributes;
    system: Attributes;
  }>(
    `SELECT s.study_id AS id, s.study_name AS name,
       (SELECT json_agg(direction ORDER BY objective) FROM study_directions AS d
        WHERE d.study_id = s.study_id) AS directions,
       ${attributes('user')} AS user, ${attributes('system')} AS system
     FROM studies AS s WHERE $1::int IS NULL OR s.study_id = $1 ORDER BY s.study_id`,
    [id ?? null],
  );
  return rows.map(({ directions, user, system, ...row }) => ({
    ...row,
    directions: (directions ?? []).map((name) => (name === 'MAXIMIZE' ? 'maximize' : 'minimize')),
    userAttrs: attrsOf(user),
    systemAttrs: attrsOf(system),
  }));
}

function trialOfRow(row: TrialRow): FrozenTrial {
  const distributions: Record<string, Distribution> = {};
  const params: FrozenTrial['params'] = Object.fromEntries(
    (row.params ?? []).map(([name, internal, json]) => {
      distributions[name] = distributionFromJson(json);
      return [name, toExternal(distributions[name], internal)];
    }),
  );
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    values: row.values?.map(([value, type]) => numberOf(value, type)) ?? null,
    params,
    distributions,
    userAttrs: attrsOf(row.user),
    systemAttrs: attrsOf(row.system),
    intermediateValues: new Map(
      (row.reports ?? []).map(([step, value, type]) => [step, numberOf(value, type)]),
    ),
    datetimeStart: row.started,
    datetimeComplete: row.completed,
  };
}

function attrsOf(rows: Attributes): Readonly<Record<string, Plain>> {
  return Object.fromEntries(
    (rows ?? []).map(([key, json]) => [key, parsePythonJson(json) as Plain]),
  );
}

function numberOf(value: number | null, type: Finite): number {
  if (type === 'INF_POS') return Infinity;
  if (type === 'INF_NEG') return -Infinity;
  return type === 'NAN' || value === null ? NaN : value;
}
