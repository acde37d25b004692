import { LightboxError, UsageError } from '../../errors.ts';
import { type Distribution, incompatibility } from '../distribution.ts';
import { distributionFromJson } from '../distributionJson.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import { type Direction, isFinished, type TrialState } from '../trialState.ts';
import { PostgresConnection, type SqlClient } from './postgresConnection.ts';
import {
  beat,
  giveBack,
  type LeaseAnswer,
  type LeaseRequest,
  leaseTrial,
  type LeasingStorage,
  tokenOf,
} from './rdbLeases.ts';
import { readStudies, readTrial, readTrials } from './rdbRows.ts';
import { CREATE_TABLES, LIBRARY_VERSION, SCHEMA_REVISION, SCHEMA_VERSION } from './rdbSchema.ts';
import { insertTrial, writeAttr, writeChanges, writeState } from './rdbWrites.ts';
import type { StudyRecord, TrialChanges, TrialTemplate } from './storage.ts';

/** Options of a {@link PostgresStorage}. */
export interface PostgresStorageOptions {
  /** For how many milliseconds an outage of the server is waited out. Default 600,000. */
  readonly patienceMs?: number;
  /** Told in words of each outage and of its end. */
  readonly onOutage?: (text: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** Held while the tables are made; any number that nobody else uses will do. */
const SCHEMA_LOCK = 7_215_533;

/**
 * A storage in PostgreSQL for any number of machines, in the tables of Optuna 5: its `RDBStorage`
 * and optuna-dashboard open the same database. Needs the package `pg`.
 */
export class PostgresStorage implements LeasingStorage {
  readonly #db: PostgresConnection;
  readonly #held = new Map<number, string>();
  /** Finished trials never change, so they are read once. */
  readonly #known = new Map<number, Map<number, FrozenTrial>>();
  readonly #spaces = new Map<string, Distribution>();

  private constructor(db: PostgresConnection) {
    this.#db = db;
  }

  /**
   * Connects, and creates the tables in an empty database.
   * @param address `postgresql://user:password@host:port/database`; what it leaves out comes from
   *   PGUSER, PGPASSWORD, ... and ~/.pgpass
   * @throws UsageError ERR_HPO_STORAGE when the server cannot be used or has an older layout
   */
  static async open(
    address: string,
    { patienceMs = 600_000, ...outages }: PostgresStorageOptions = {},
  ): Promise<PostgresStorage> {
    const db = await PostgresConnection.open(address, { patienceMs, ...outages });
    try {
      await db.transaction((sql) => prepareTables(sql, db.location));
    } catch (error) {
      await db.close();
      throw error;
    }
    return new PostgresStorage(db);
  }

  get location(): string {
    return this.#db.location;
  }

  async createStudy(name: string, directions: readonly Direction[]): Promise<StudyRecord> {
    if (directions.length === 0) {
      throw new LightboxError('ERR_HPO_DIRECTIONS', 'a study needs at least one direction');
    }
    const create = async (sql: SqlClient): Promise<StudyRecord> => {
      const { rows } = await sql.query<{ id: number }>(
        `INSERT INTO studies (study_name) VALUES ($1)
         ON CONFLICT (study_name) DO NOTHING RETURNING study_id AS id`,
        [name],
      );
      if (rows.length === 0) {
        const message = `${this.location} has a study "${name}" already`;
        throw new LightboxError('ERR_HPO_STUDY_EXISTS', message);
      }
      for (const [objective, direction] of directions.entries()) {
        await sql.query(
          `INSERT INTO study_directions (direction, study_id, objective)
           VALUES ($1::text::studydirection, $2, $3)`,
          [direction.toUpperCase(), rows[0].id, objective],
        );
      }
      return (await readStudies(sql, rows[0].id))[0];
    };
    return this.#db.transaction(create, { repeatable: false });
  }

  async deleteStudy(studyId: number): Promise<void> {
    await this.#db.transaction(async (sql) => {
      await this.#lockStudy(sql, studyId);
      for (const statement of DELETE_STUDY) await sql.query(statement, [studyId]);
    });
    this.#known.delete(studyId);
  }

  studies(): Promise<readonly StudyRecord[]> {
    return this.#db.transaction((sql) => readStudies(sql));
  }

  async setStudyAttr(
    studyId: number,
    kind: 'user' | 'system',
    key: string,
    value: Plain,
  ): Promise<void> {
    await this.#db.transaction(async (sql) => {
      await this.#lockStudy(sql, studyId);
      await writeAttr(sql, 'study', studyId, kind, key, value);
    });
  }

  createTrial(
    studyId: number,
    template?: TrialTemplate,
    changes: TrialChanges = {},
  ): Promise<FrozenTrial> {
    const create = async (sql: SqlClient): Promise<FrozenTrial> => {
      await this.#lockStudy(sql, studyId);
      const id = await insertTrial(sql, studyId, template);
      await writeChanges(sql, id, changes);
      // A template's state is set last, as the rows of a finished trial are complete with it.
      return this.#trial(sql, id);
    };
    return this.#db.transaction(create, { repeatable: false });
  }

  claimWaiting(studyId: number, changes: TrialChanges = {}): Promise<FrozenTrial | undefined> {
    const claim = async (sql: SqlClient): Promise<FrozenTrial | undefined> => {
      const { rows } = await sql.query<{ id: number }>(
        `SELECT trial_id AS id FROM trials WHERE study_id = $1 AND state = 'WAITING'
         ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED`,
        [studyId],
      );
      const id = rows.at(0)?.id;
      if (id === undefined) return undefined;
      await writeState(sql, id, 'RUNNING');
      await writeChanges(sql, id, changes);
      return this.#trial(sql, id);
    };
    return this.#db.transaction(claim, { repeatable: false });
  }

  async updateTrial(trialId: number, changes: TrialChanges): Promise<FrozenTrial> {
    let unconfirmed = false;
    const updated = await this.#db.transaction(async (sql) => {
      const { rows } = await sql.query<{ state: TrialState; number: number; study: number }>(
        `SELECT state::text AS state, number, study_id AS study FROM trials
         WHERE trial_id = $1 FOR UPDATE`,
        [trialId],
      );
      if (rows.length === 0) throw this.#unknown('trial', trialId);
      const [{ state, number, study }] = rows;
      await this.#checkLease(sql, trialId, number);
      if (isFinished(state)) {
        // The first try counted, only its confirmation was lost.
        if (unconfirmed && changes.finish?.state === state) return this.#trial(sql, trialId);
        const message = `trial ${number} is finished (${state}) and cannot be changed`;
        throw new LightboxError('ERR_HPO_TRIAL_FINISHED', message);
      }
      await this.#checkSpace(sql, study, changes);
      await writeChanges(sql, trialId, changes);
      unconfirmed = true;
      return this.#trial(sql, trialId);
    });
    if (isFinished(updated.state)) this.#held.delete(trialId);
    return updated;
  }

  async trials(studyId: number): Promise<readonly FrozenTrial[]> {
    const known = this.#known.get(studyId) ?? new Map<number, FrozenTrial>();
    this.#known.set(studyId, known);
    const open = [...known.values()].filter((trial) => !isFinished(trial.state));
    // Numbers are given under the study's lock, so no smaller id can appear later.
    const last = Math.max(0, ...[...known.keys()].slice(-1));
    const fresh = await this.#db.transaction(async (sql) => {
      if (known.size === 0 && (await readStudies(sql, studyId)).length === 0) {
        throw this.#unknown('study', studyId);
      }
      return readTrials(
        sql,
        studyId,
        last,
        open.map((trial) => trial.id),
      );
    });
    for (const trial of fresh) known.set(trial.id, trial);
    return [...known.values()];
  }

  async lease(studyId: number, request: LeaseRequest): Promise<LeaseAnswer> {
    const answer = await this.#db.transaction((sql) => leaseTrial(sql, studyId, request));
    if ('trial' in answer) this.#held.set(answer.trial.id, request.token);
    return answer;
  }

  async renewLeases(): Promise<readonly number[]> {
    if (this.#held.size === 0) return [];
    const lost = await this.#db.transaction((sql) => beat(sql, new Map(this.#held)));
    return lost.filter((id) => this.#held.has(id));
  }

  async releaseLease(trialId: number): Promise<void> {
    const token = this.#held.get(trialId);
    if (token === undefined) return;
    await this.#db.transaction(async (sql) => {
      if ((await tokenOf(sql, trialId)) === token) await giveBack(sql, trialId);
    });
    this.#held.delete(trialId);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #lockStudy(sql: SqlClient, id: number): Promise<void> {
    const text = 'SELECT 1 FROM studies WHERE study_id = $1 FOR UPDATE';
    if ((await sql.query(text, [id])).rows.length === 0) throw this.#unknown('study', id);
  }

  async #trial(sql: SqlClient, id: number): Promise<FrozenTrial> {
    const trial = await readTrial(sql, id);
    if (trial === undefined) throw this.#unknown('trial', id);
    return trial;
  }

  /** Called with the trial's row locked. */
  async #checkLease(sql: SqlClient, trialId: number, number: number): Promise<void> {
    const token = this.#held.get(trialId);
    if (token === undefined || (await tokenOf(sql, trialId)) === token) return;
    const message = `trial ${number} was without a heartbeat for so long that another worker runs it now`;
    throw new LightboxError('ERR_HPO_FENCED', message);
  }

  async #checkSpace(sql: SqlClient, study: number, changes: TrialChanges): Promise<void> {
    for (const { name, distribution } of changes.params ?? []) {
      const before = await this.#spaceOf(sql, study, name);
      const reason = before === undefined ? undefined : incompatibility(before, distribution);
      if (reason === undefined) continue;
      throw new LightboxError(
        'ERR_HPO_SPACE_CHANGED',
        `parameter "${name}": ${reason}. Within one study only the bounds of a range may change; ` +
          'start another study for another space',
      );
    }
  }

  /** How the parameter was first described, which never changes. */
  async #spaceOf(sql: SqlClient, study: number, name: string): Promise<Distribution | undefined> {
    const key = `${study}/${name}`;
    const cached = this.#spaces.get(key);
    if (cached !== undefined) return cached;
    const { rows } = await sql.query<{ json: string }>(
      `SELECT distribution_json AS json FROM trial_params JOIN trials USING (trial_id)
       WHERE study_id = $1 AND param_name = $2 ORDER BY param_id LIMIT 1`,
      [study, name],
    );
    if (rows.length === 0) return undefined;
    const distribution = distributionFromJson(rows[0].json);
    this.#spaces.set(key, distribution);
    return distribution;
  }

  #unknown(kind: 'study' | 'trial', id: number): LightboxError {
    const code = `ERR_HPO_${kind.toUpperCase()}_UNKNOWN`;
    return new LightboxError(code, `${this.location} has no ${kind} ${id}`);
  }
}

const OF_TRIALS = 'WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = $1)';
const DELETE_STUDY: readonly string[] = [
  ...['heartbeats', 'intermediate_values', 'values', 'params'].map(
    (table) => `DELETE FROM trial_${table} ${OF_TRIALS}`,
  ),
  `DELETE FROM trial_user_attributes ${OF_TRIALS}`,
  `DELETE FROM trial_system_attributes ${OF_TRIALS}`,
  'DELETE FROM trials WHERE study_id = $1',
  'DELETE FROM study_user_attributes WHERE study_id = $1',
  'DELETE FROM study_system_attributes WHERE study_id = $1',
  'DELETE FROM study_directions WHERE study_id = $1',
  'DELETE FROM studies WHERE study_id = $1',
];

async function prepareTables(sql: SqlClient, location: string): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
  const { rows } = await sql.query<{ table: string | null }>(
    `SELECT to_regclass('alembic_version')::text AS table`,
  );
  if (rows[0].table === null) {
    for (const statement of CREATE_TABLES) await sql.query(statement);
    await sql.query('INSERT INTO version_info VALUES (1, $1, $2)', [
      SCHEMA_VERSION,
      LIBRARY_VERSION,
    ]);
    await sql.query('INSERT INTO alembic_version VALUES ($1)', [SCHEMA_REVISION]);
    return;
  }
  const found = await sql.query<{ revision: string }>(
    'SELECT version_num AS revision FROM alembic_version',
  );
  const revision = found.rows.at(0)?.revision ?? 'none';
  if (revision === SCHEMA_REVISION) return;
  throw new UsageError(
    'ERR_HPO_STORAGE',
    `${location} has tables of revision ${revision}, expected Optuna 5's ${SCHEMA_REVISION}. ` +
      'Bring them up with "optuna storage upgrade --storage URL" of Optuna 5, or use another database',
  );
}
