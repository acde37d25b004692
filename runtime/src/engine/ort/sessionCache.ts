import { memoryUsage } from 'node:process';
import { counters } from '../counters.ts';
import { notify } from '../notices.ts';
import { graphName, trace, traceGraph } from '../trace.ts';
import { createSession } from './binding.ts';
import type { NativeSession, NativeTensor, Provider } from './binding.ts';

export interface CacheBudget {
  /** Most sessions held; default 64, fewer where each has many threads. */
  readonly entries: number;
  /** Most resident bytes that sessions may be estimated to hold; default 1 GiB. */
  readonly bytes: number;
}

/** What sessions are created with. */
export interface CacheSettings {
  readonly threads: number;
  /**
   * Whether threads wait for the next run by spinning. That gained nothing on an idle machine, and
   * cost a third of the speed beside other work, since each session has a pool of its own.
   */
  readonly spinning: boolean;
  /** Default `cpu`. */
  readonly provider?: Provider;
}

interface CachedSession {
  readonly session: NativeSession;
  runs: number;
  bytes: number;
}

/** A session's memory grows while its arena finds its size: in the first two runs. */
const MEASURED_RUNS = 2;
const CHURN_WINDOW = 64;
const CHURN_MISSES = 48;

/** Each session has threads of its own beside the one that calls: together at most 256. */
function mostSessions({ threads }: CacheSettings): number {
  return Math.max(8, Math.min(64, Math.floor(256 / Math.max(1, threads - 1))));
}

/** Compiled sessions by structural key; the least recently used go first. */
export class SessionCache {
  readonly #settings: CacheSettings;
  readonly #budget: CacheBudget;
  readonly #sessions = new Map<string, CachedSession>();
  readonly #recent: boolean[] = [];

  constructor(settings: CacheSettings, budget?: CacheBudget) {
    this.#settings = settings;
    this.#budget = budget ?? { entries: mostSessions(settings), bytes: 2 ** 30 };
  }

  /** The device that the sessions run on. */
  get provider(): Provider {
    return this.#settings.provider ?? 'cpu';
  }

  /** Runs the graph known by `key`, compiling it with `model` first when it is new. */
  run(
    key: string,
    model: () => Uint8Array<ArrayBuffer>,
    feeds: Record<string, NativeTensor>,
    fetches: Record<string, NativeTensor | null>,
  ): void {
    const cached = this.#find(key) ?? this.#add(key, model);
    counters.runs++;
    if (cached.runs >= MEASURED_RUNS) {
      cached.session.run(feeds, fetches);
      return;
    }
    const before = memoryUsage.rss();
    cached.session.run(feeds, fetches);
    cached.runs++;
    this.#grow(cached, memoryUsage.rss() - before);
    this.#evict(key);
  }

  /** Whether the graph known by `key` is compiled. */
  has(key: string): boolean {
    return this.#sessions.has(key);
  }

  /** Drops every session. */
  clear(): void {
    for (const key of [...this.#sessions.keys()]) this.#drop(key);
  }

  #find(key: string): CachedSession | undefined {
    const cached = this.#sessions.get(key);
    this.#watchChurn(cached !== undefined, key);
    if (cached === undefined) {
      counters.misses++;
      return undefined;
    }
    counters.hits++;
    this.#sessions.delete(key);
    this.#sessions.set(key, cached);
    return cached;
  }

  #add(key: string, model: () => Uint8Array<ArrayBuffer>): CachedSession {
    const bytes = model();
    const started = performance.now();
    const session = createSession(bytes, { ...this.#settings, provider: this.provider });
    traceGraph(key, bytes, performance.now() - started);
    const cached = { session, runs: 0, bytes: 0 };
    this.#sessions.set(key, cached);
    counters.compilations++;
    counters.sessions++;
    this.#grow(cached, bytes.byteLength);
    return cached;
  }

  #grow(cached: CachedSession, bytes: number): void {
    if (bytes <= 0) return;
    cached.bytes += bytes;
    counters.sessionBytes += bytes;
  }

  #evict(current: string): void {
    const { entries, bytes } = this.#budget;
    for (const key of [...this.#sessions.keys()]) {
      if (counters.sessions <= entries && counters.sessionBytes <= bytes) return;
      if (key === current) continue;
      this.#drop(key);
      counters.evictions++;
      trace({ event: 'evicted', graph: graphName(key) });
    }
  }

  #drop(key: string): void {
    const cached = this.#sessions.get(key);
    if (cached === undefined) return;
    cached.session.dispose();
    this.#sessions.delete(key);
    counters.sessions--;
    counters.sessionBytes -= cached.bytes;
  }

  #watchChurn(hit: boolean, key: string): void {
    this.#recent.push(hit);
    if (this.#recent.length < CHURN_WINDOW) return;
    const misses = this.#recent.filter((wasHit) => !wasHit).length;
    this.#recent.length = 0;
    if (misses < CHURN_MISSES) return;
    const shapes = key.slice(key.lastIndexOf('|') + 1).slice(0, 200);
    notify({
      kind: 'churn',
      subject: 'sessions',
      message: `${misses} of the last ${CHURN_WINDOW} graphs had to be compiled because shapes keep changing; the last had inputs ${shapes}. Pad or drop short batches.`,
    });
  }
}
