import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import { livenessOf, parseIdentity, type ProcessIdentity } from '../processIdentity.ts';
import { parsePythonJson } from '../pythonJson.ts';
import type { SqlClient } from './postgresConnection.ts';
import { readTrial } from './rdbRows.ts';
import { insertTrial, writeAttr, writeChanges, writeState } from './rdbWrites.ts';
import type { Storage } from './storage.ts';

/** System attribute of a trial that says who runs it, under a token of that attempt. */
export const ATTEMPT_ATTR = 'lightbox:attempt';

/** What a worker asks a shared study for. */
export interface LeaseRequest {
  /** Trials that are to be finished in the end. */
  readonly total: number;
  readonly owner: ProcessIdentity;
  /** Unique for each call; a call that is repeated after an outage keeps it. */
  readonly token: string;
  /** A trial without a heartbeat for so long has lost its worker. */
  readonly graceMs: number;
  /** The same for workers of other programs, whose own interval nobody knows. */
  readonly foreignGraceMs: number;
  /** How often a trial is taken over from lost workers before it is given up as FAIL. */
  readonly maxTakeovers: number;
}

/** `busy`: others are running the last trials; `done`: the total is reached. */
export type LeaseAnswer =
  | {
      readonly kind: 'new' | 'waiting' | 'takeover';
      readonly trial: FrozenTrial;
      /** Trials that were found without a worker and given up meanwhile. */
      readonly failed: readonly FrozenTrial[];
    }
  | { readonly kind: 'busy' | 'done'; readonly failed: readonly FrozenTrial[] };

/**
 * A storage that several machines run trials from: each running trial belongs to one worker by a
 * lease, kept alive by heartbeats on the database's clock. A worker that has lost its lease can
 * change nothing about the trial any more (ERR_HPO_FENCED).
 */
export interface LeasingStorage extends Storage {
  /** The next trial to run: one without a worker first, then a waiting one, then a new one. */
  lease(studyId: number, request: LeaseRequest): Promise<LeaseAnswer>;
  /** Renews all leases held here. @returns ids of trials that have gone to somebody else */
  renewLeases(): Promise<readonly number[]>;
  /** Gives an unfinished trial back, so that anybody may continue it at once. */
  releaseLease(trialId: number): Promise<void>;
}

/** True for storages that can be shared between machines. */
export function isLeasing(storage: Storage): storage is LeasingStorage {
  return 'lease' in storage && 'renewLeases' in storage;
}

interface OpenTrial {
  readonly id: number;
  readonly state: 'RUNNING' | 'WAITING';
  /** Null for a trial without heartbeats, which somebody runs in a loop of their own. */
  readonly ageMs: number | null;
  readonly attempt: { readonly token: string; readonly takeovers: number } | null;
  readonly owner: ProcessIdentity | undefined;
  readonly released: boolean;
}

const LOST = 'failed:lost: its worker vanished';

/** {@link LeasingStorage.lease} within a transaction. */
export async function leaseTrial(
  sql: SqlClient,
  studyId: number,
  request: LeaseRequest,
): Promise<LeaseAnswer> {
  // Everybody who numbers, takes or counts trials of the study waits here.
  await sql.query('SELECT 1 FROM studies WHERE study_id = $1 FOR UPDATE', [studyId]);
  const open = await openTrials(sql, studyId);
  const mine = open.find(({ attempt }) => attempt?.token === request.token);
  if (mine !== undefined) return answer(sql, 'new', mine.id, []);
  const failed: FrozenTrial[] = [];
  let alive = 0;
  for (const trial of open) {
    if (trial.state === 'WAITING') continue;
    if (!isLost(trial, request)) {
      if (trial.ageMs !== null) alive++;
      continue;
    }
    const takeovers = trial.attempt?.takeovers ?? 0;
    if (trial.attempt !== null && (trial.released || takeovers < request.maxTakeovers)) {
      const count = trial.released ? takeovers : takeovers + 1;
      return take(sql, 'takeover', trial.id, request, count, failed);
    }
    failed.push(await giveUp(sql, studyId, trial));
  }
  if ((await finishedOf(sql, studyId)) + alive >= request.total) {
    return { kind: alive > 0 ? 'busy' : 'done', failed };
  }
  const waiting = (await openTrials(sql, studyId)).find(({ state }) => state === 'WAITING');
  if (waiting !== undefined) {
    await writeState(sql, waiting.id, 'RUNNING');
    return take(sql, 'waiting', waiting.id, request, 0, failed);
  }
  return take(sql, 'new', await insertTrial(sql, studyId), request, 0, failed);
}

/** The token of the attempt that the trial belongs to; undefined when nobody leased it. */
export async function tokenOf(sql: SqlClient, trialId: number): Promise<string | undefined> {
  const { rows } = await sql.query<{ json: string }>(
    'SELECT value_json AS json FROM trial_system_attributes WHERE trial_id = $1 AND key = $2',
    [trialId, ATTEMPT_ATTR],
  );
  return attemptOf(rows.at(0)?.json)?.token;
}

/** Sets the heartbeats of those trials whose token is still the given one. */
export async function beat(
  sql: SqlClient,
  leases: ReadonlyMap<number, string>,
): Promise<readonly number[]> {
  const lost: number[] = [];
  for (const [id, token] of leases) {
    if ((await tokenOf(sql, id)) === token) await writeHeartbeat(sql, id);
    else lost.push(id);
  }
  return lost;
}

/** Marks the trial as free for anybody. */
export async function giveBack(sql: SqlClient, trialId: number): Promise<void> {
  const { rows } = await sql.query<{ json: string }>(
    'SELECT value_json AS json FROM trial_system_attributes WHERE trial_id = $1 AND key = $2',
    [trialId, ATTEMPT_ATTR],
  );
  const attempt = rows.length === 0 ? {} : (parsePythonJson(rows[0].json) as object);
  await writeAttr(sql, 'trial', trialId, 'system', ATTEMPT_ATTR, { ...attempt, released: true });
}

function isLost(trial: OpenTrial, request: LeaseRequest): boolean {
  if (trial.released) return true;
  if (trial.owner !== undefined && livenessOf(trial.owner) === 'gone') return true;
  const grace = trial.attempt === null ? request.foreignGraceMs : request.graceMs;
  return trial.ageMs !== null && trial.ageMs > grace;
}

async function take(
  sql: SqlClient,
  kind: 'new' | 'waiting' | 'takeover',
  id: number,
  { owner, token }: LeaseRequest,
  takeovers: number,
  failed: readonly FrozenTrial[],
): Promise<LeaseAnswer> {
  const attempt: Plain = { ...owner, token, takeovers };
  await writeAttr(sql, 'trial', id, 'system', ATTEMPT_ATTR, attempt);
  await writeHeartbeat(sql, id);
  return answer(sql, kind, id, failed);
}

async function answer(
  sql: SqlClient,
  kind: 'new' | 'waiting' | 'takeover',
  id: number,
  failed: readonly FrozenTrial[],
): Promise<LeaseAnswer> {
  return { kind, trial: (await readTrial(sql, id)) as FrozenTrial, failed };
}

/**
 * Ends a trial that cannot be continued: one whose workers vanished too often, or one of another
 * program, which is queued again as Optuna's RetryHeartbeatStaleTrialCallback does it.
 */
async function giveUp(sql: SqlClient, studyId: number, lost: OpenTrial): Promise<FrozenTrial> {
  const before = (await readTrial(sql, lost.id)) as FrozenTrial;
  const again = lost.attempt === null;
  const times = lost.attempt === null ? '' : ` ${lost.attempt.takeovers + 1} times`;
  await writeChanges(sql, lost.id, {
    userAttrs: again ? {} : { fail_reason: `${LOST}${times}` },
    finish: { state: 'FAIL', values: null },
  });
  if (again) {
    const history = before.systemAttrs.retry_history as readonly number[] | undefined;
    const id = await insertTrial(sql, studyId, {
      state: 'WAITING',
      userAttrs: before.userAttrs,
      systemAttrs: {
        failed_trial: before.number,
        ...before.systemAttrs,
        retry_history: [...(history ?? []), before.number],
      },
    });
    await sql.query(
      `INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
       SELECT $2, param_name, param_value, distribution_json FROM trial_params
       WHERE trial_id = $1 ORDER BY param_id`,
      [lost.id, id],
    );
  }
  return (await readTrial(sql, lost.id)) as FrozenTrial;
}

async function writeHeartbeat(sql: SqlClient, trialId: number): Promise<void> {
  // In the session's time zone, as Optuna writes and compares it.
  await sql.query(
    `INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES ($1, clock_timestamp()::timestamp)
     ON CONFLICT (trial_id) DO UPDATE SET heartbeat = excluded.heartbeat`,
    [trialId],
  );
}

async function finishedOf(sql: SqlClient, studyId: number): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM trials
     WHERE study_id = $1 AND state IN ('COMPLETE', 'PRUNED', 'FAIL')`,
    [studyId],
  );
  return rows[0].count;
}

async function openTrials(sql: SqlClient, studyId: number): Promise<OpenTrial[]> {
  const { rows } = await sql.query<{
    id: number;
    state: 'RUNNING' | 'WAITING';
    age: number | null;
    json: string | null;
  }>(
    // While the server was away nobody could send a heartbeat, so that time does not count.
    `SELECT t.trial_id AS id, t.state::text AS state, a.value_json AS json,
       (extract(epoch FROM clock_timestamp()::timestamp -
         greatest(h.heartbeat, pg_postmaster_start_time()::timestamp)) * 1000)::float8 AS age
     FROM trials AS t
     LEFT JOIN trial_heartbeats AS h ON h.trial_id = t.trial_id
     LEFT JOIN trial_system_attributes AS a ON a.trial_id = t.trial_id AND a.key = $2
     WHERE t.study_id = $1 AND t.state IN ('RUNNING', 'WAITING') ORDER BY t.number`,
    [studyId, ATTEMPT_ATTR],
  );
  return rows.map(({ id, state, age, json }) => {
    const attempt = attemptOf(json);
    return {
      id,
      state,
      ageMs: age,
      attempt: attempt ?? null,
      owner: json === null ? undefined : parseIdentity(json),
      released: attempt?.released === true,
    };
  });
}

function attemptOf(json: string | null | undefined) {
  if (json === null || json === undefined) return undefined;
  const { token, takeovers, released } = parsePythonJson(json) as {
    token?: string;
    takeovers?: number;
    released?: boolean;
  };
  return { token: token ?? '', takeovers: takeovers ?? 0, released };
}
