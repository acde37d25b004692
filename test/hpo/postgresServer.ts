import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the server's programs are; undefined where PostgreSQL is not installed. */
export const postgresPrograms: string | undefined = findPrograms();

/** Why tests that need a server are skipped, for their titles. */
export const postgresReason = 'needs PostgreSQL: apt-get install -y postgresql';

/** A PostgreSQL server of its own in a temporary folder, on 127.0.0.1 only. */
export class PostgresServer {
  readonly #folder: string;
  readonly #user: { uid?: number; gid?: number };
  readonly port: number;
  #server: ChildProcess | undefined;

  private constructor(folder: string, port: number, user: { uid?: number; gid?: number }) {
    this.#folder = folder;
    this.port = port;
    this.#user = user;
  }

  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'lightbox-postgres-'));
    const user = otherUser();
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
    const server = new PostgresServer(folder, await freePort(), user);
    const data = join(folder, 'data');
    server.#program('initdb', ['-D', data, '-U', 'lightbox', '-A', 'trust', '--no-sync']);
    await server.up();
    return server;
  }

  /** A new, empty database. */
  database(name: string): string {
    this.psql('postgres', ['-c', `CREATE DATABASE ${name}`]);
    return this.url(name);
  }

  url(database: string): string {
    return `postgresql://lightbox@127.0.0.1:${this.port}/${database}`;
  }

  /** The same over a socket file, which processes without a network reach too. */
  socketUrl(database: string): string {
    return `postgresql://lightbox@/${database}?host=${this.#folder}&port=${this.port}`;
  }

  psql(database: string, args: readonly string[]): string {
    return this.#program('psql', ['-v', 'ON_ERROR_STOP=1', '-qAt', ...args, this.url(database)]);
  }

  dump(database: string, args: readonly string[]): string {
    return this.#program('pg_dump', ['--no-owner', ...args, this.url(database)]);
  }

  /** Starts the server, also after {@link down}. */
  async up(): Promise<void> {
    const options = ['fsync=off', 'listen_addresses=127.0.0.1', 'log_min_messages=fatal'];
    this.#server = spawn(
      join(postgresPrograms ?? '', 'postgres'),
      [
        ...['-D', join(this.#folder, 'data'), '-p', String(this.port), '-k', this.#folder],
        ...options.flatMap((option) => ['-c', option]),
      ],
      { ...this.#user, cwd: this.#folder, stdio: 'ignore' },
    );
    for (let round = 0; ; round++) {
      try {
        this.psql('postgres', ['-c', 'SELECT 1']);
        return;
      } catch (error) {
        if (round > 100) throw error;
        await sleep(100);
      }
    }
  }

  /** Ends the server at once, like a crash of its machine. */
  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.on('close', resolve));
    // Immediate shutdown: connections are cut, recovery follows at the next start.
    server.kill('SIGQUIT');
    await ended;
  }

  async remove(): Promise<void> {
    await this.down();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #program(name: string, args: readonly string[]): string {
    return execFileSync(join(postgresPrograms ?? '', name), args, {
      ...this.#user,
      cwd: this.#folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** The server refuses to run as root. */
function otherUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (kind: string, name: string): number =>
    Number(execFileSync('id', [kind, name], { encoding: 'utf8' }));
  return { uid: id('-u', 'postgres'), gid: id('-g', 'postgres') };
}

function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
