import { setTimeout as sleep } from 'node:timers/promises';
import type * as Pg from 'pg';
import { LightboxError, messageOf, UsageError } from '../../errors.ts';
import { driverAddress, withoutPassword } from './rdbAddress.ts';

/** Runs one statement; `values` stand for `$1`, `$2`, ... */
export interface SqlClient {
  // The statement decides what its rows are, which no compiler can see.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

interface PooledClient extends SqlClient {
  release(broken?: boolean): void;
}

interface Listenable {
  on(event: 'error', listener: (error: Error) => void): void;
}

interface Pool {
  connect(): Promise<PooledClient>;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'connect', listener: (client: Listenable) => void): void;
  end(): Promise<void>;
}

/** How a transaction may be tried again. */
export interface TransactionOptions {
  /**
   * Whether it may run a second time when the connection broke during its COMMIT, so that nobody
   * knows whether the first one counted. Default true.
   */
  readonly repeatable?: boolean;
}

/** What is done about a server that goes away. */
export interface OutageOptions {
  /** For how many milliseconds it is waited for. */
  readonly patienceMs: number;
  /** Told in words of each outage and of its end. */
  readonly onOutage?: (text: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

const PG_VERSION = '8.23.1';

/** Connections to one PostgreSQL server that outlast its restarts. */
export class PostgresConnection {
  /** The address without its password. */
  readonly location: string;
  readonly #pool: Pool;
  readonly #outages: OutageOptions;
  #isAway = false;
  #closed = false;

  private constructor(pool: Pool, location: string, outages: OutageOptions) {
    this.#pool = pool;
    this.location = location;
    this.#outages = outages;
    // Idle connections that break are replaced at the next use.
    pool.on('error', () => undefined);
  }

  /**
   * Connects; a server that cannot be reached now is an error at once.
   * @throws UsageError ERR_HPO_STORAGE, never with the password in it
   */
  static async open(address: string, outages: OutageOptions): Promise<PostgresConnection> {
    const location = withoutPassword(address);
    const pool = await createPool(address, location);
    try {
      (await pool.connect()).release();
    } catch (error) {
      await pool.end();
      throw unreachable(location, error);
    }
    return new PostgresConnection(pool, location, outages);
  }

  /** Runs `body` in one transaction, again after an outage or a conflict with another process. */
  async transaction<T>(
    body: (sql: SqlClient) => Promise<T>,
    { repeatable = true }: TransactionOptions = {},
  ): Promise<T> {
    const begun = performance.now();
    for (let pause = 50; ; pause = Math.min(pause * 2, 2_000)) {
      const attempt = await this.#attempt(body);
      if (attempt.ok) {
        this.#tell(null);
        return attempt.value;
      }
      const { error, committing } = attempt;
      const conflict = /^(40001|40P01)$/.test(codeOf(error));
      if (!conflict && !isOutage(error)) throw error;
      if (committing && !repeatable) throw this.#unknownOutcome(error);
      const isOver = this.#closed || this.#outages.signal?.aborted === true;
      if (isOver || performance.now() - begun > this.#outages.patienceMs) {
        throw unreachable(this.location, error);
      }
      if (!conflict) this.#tell(error);
      await sleep(conflict ? 10 : pause);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }

  async #attempt<T>(
    body: (sql: SqlClient) => Promise<T>,
  ): Promise<{ ok: true; value: T } | { ok: false; error: unknown; committing: boolean }> {
    let committing = false;
    let client: PooledClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query('BEGIN');
      const value = await body(client);
      committing = true;
      await client.query('COMMIT');
      client.release();
      return { ok: true, value };
    } catch (error) {
      const broken = isOutage(error) || !(await rolledBack(client));
      client?.release(broken);
      return { ok: false, error, committing };
    }
  }

  #tell(error: unknown): void {
    if (this.#isAway === (error !== null)) return;
    this.#isAway = error !== null;
    const text = this.#isAway
      ? `The database is away (${messageOf(error)}); waiting for it, trials train on meanwhile.`
      : 'The database is back.';
    this.#outages.onOutage?.(text);
  }

  #unknownOutcome(error: unknown): LightboxError {
    return new LightboxError(
      'ERR_HPO_STORAGE',
      `the connection to ${this.location} broke while a change was being confirmed ` +
        `(${messageOf(error)}); whether it counted is not known`,
    );
  }
}

async function createPool(address: string, location: string): Promise<Pool> {
  let module: typeof Pg;
  try {
    module = await import('pg');
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'ERR_HPO_STORAGE',
      `${location} needs the PostgreSQL driver: npm install pg@${PG_VERSION}`,
    );
  }
  try {
    const pool: Pool = new module.default.Pool({
      connectionString: driverAddress(address),
      max: 4,
      connectionTimeoutMillis: 15_000,
      keepAlive: true,
      application_name: 'lightbox-hpo',
    });
    // A connection that breaks between two statements has nobody else to tell; the next one fails.
    pool.on('connect', (client) => {
      client.on('error', () => undefined);
    });
    return pool;
  } catch (error) {
    throw unreachable(location, error);
  }
}

async function rolledBack(client: PooledClient | undefined): Promise<boolean> {
  if (client === undefined) return true;
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** The server is away, restarting or full, all of which passes. */
function isOutage(error: unknown): boolean {
  const code = codeOf(error);
  if (/^(57P0[1-5]|08\w{3}|53300)$/.test(code)) return true;
  if (
    /^(ECONN\w+|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ENOENT)$/.test(code)
  ) {
    return true;
  }
  return /Connection terminated|connection timeout|timeout exceeded when trying to connect|not queryable/i.test(
    messageOf(error),
  );
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

const WAYS_OUT: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password; the password may also come from PGPASSWORD or ~/.pgpass.',
  '28000': "The server's pg_hba.conf does not let this user in from here.",
  '3D000': 'Create the database first: createdb NAME.',
  '42501': 'The user needs CREATE on the schema, or tables that somebody made before.',
  ECONNREFUSED: 'Is the server running, and does it listen on that host and port?',
  ENOTFOUND: 'Check the name of the host.',
};

function unreachable(location: string, error: unknown): UsageError {
  // A name with several addresses fails with one error for each and no message of its own.
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const hint = WAYS_OUT[codeOf(error)] ?? WAYS_OUT[codeOf(inner)] ?? '';
  const message = `cannot use ${location}: ${messageOf(inner)}. ${hint}`.trimEnd();
  return new UsageError('ERR_HPO_STORAGE', message);
}
