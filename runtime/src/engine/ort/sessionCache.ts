import { createHash } from 'node:crypto';
import { memoryUsage } from 'node:process';
import { counters } from '../counters.ts';
import { notify } from '../notices.ts';
import { encodeModel } from '../onnx/encodeModel.ts';
import type { Model } from '../onnx/model.ts';
import { structureOf } from '../onnx/shapeFree.ts';
import { graphName, trace, traceGraph } from '../trace.ts';
import { createSession } from './binding.ts';
import type { NativeSession, NativeTensor, Provider } from './binding.ts';
import { GraphFamily } from './graphFamily.ts';
import { policy } from './policy.ts';
import { quickest, usualVariant, variantsOf, type Layout, type Variant } from './variant.ts';

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

type Feeds = Readonly<Record<string, NativeTensor>>;
type Fetches = Record<string, NativeTensor | null>;

/** One session, for one graph or for one of every shape. */
interface Compiled {
  readonly session: NativeSession;
  readonly name: string;
  runs: number;
  bytes: number;
  gone: boolean;
}

/** How to run the graph of a key. */
interface Binding {
  readonly compiled: Compiled;
  /** What the session needs to know of the shapes, if it is for all of them. */
  readonly constants: Feeds | null;
}

/** A session's memory grows while its arena finds its size: in the first two runs. */
const MEASURED_RUNS = 2;
const CHURN_WINDOW = 64;
const CHURN_MISSES = 48;
const MOST_BINDINGS = 1024;
const MOST_FAMILIES = 64;

/** Each session has threads of its own beside the one that calls: together at most 256. */
function mostSessions({ threads }: CacheSettings): number {
  return Math.max(8, Math.min(64, Math.floor(256 / Math.max(1, threads - 1))));
}

/** Compiled sessions by structural key; the least recently used go first. */
export class SessionCache {
  readonly #settings: CacheSettings;
  readonly #budget: CacheBudget;
  readonly #bindings = new Map<string, Binding>();
  /** The least recently used first. */
  readonly #sessions = new Set<Compiled>();
  readonly #families = new Map<string, GraphFamily<Compiled>>();
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
  run(key: string, model: (layout: Layout) => Model, feeds: Feeds, fetches: Fetches): void {
    const { compiled, constants } = this.#find(key) ?? this.#add(key, model, feeds, fetches);
    const all = constants === null ? feeds : { ...feeds, ...constants };
    counters.runs++;
    if (compiled.runs >= MEASURED_RUNS) {
      compiled.session.run(all, fetches);
      return;
    }
    const before = memoryUsage.rss();
    compiled.session.run(all, fetches);
    compiled.runs++;
    this.#grow(compiled, memoryUsage.rss() - before);
    this.#evict(compiled);
  }

  /** Whether the graph known by `key` is compiled. */
  has(key: string): boolean {
    return this.#bindings.has(key);
  }

  /** Drops every session. */
  clear(): void {
    for (const compiled of [...this.#sessions]) this.#drop(compiled);
    this.#bindings.clear();
    this.#families.clear();
  }

  #find(key: string): Binding | undefined {
    const binding = this.#bindings.get(key);
    this.#watchChurn(binding !== undefined, key);
    if (binding === undefined) {
      counters.misses++;
      return undefined;
    }
    counters.hits++;
    this.#sessions.delete(binding.compiled);
    this.#sessions.add(binding.compiled);
    return binding;
  }

  #add(key: string, modelOf: (layout: Layout) => Model, feeds: Feeds, fetches: Fetches): Binding {
    const usual = modelOf('blocked');
    const variant = this.#variantFor(key, usual, modelOf, { feeds, fetches });
    const model = variant.layout === 'blocked' ? usual : modelOf(variant.layout);
    const binding = this.#bind(key, model, variant);
    this.#bindings.set(key, binding);
    this.#sessions.add(binding.compiled);
    const [oldest] = this.#bindings.keys();
    if (this.#bindings.size > MOST_BINDINGS) this.#bindings.delete(oldest);
    return binding;
  }

  #variantFor(
    key: string,
    usual: Model,
    modelOf: (layout: Layout) => Model,
    call: { feeds: Feeds; fetches: Fetches },
  ): Variant {
    const { choices, tuning, dynamic } = policy;
    const { threads } = this.#settings;
    const canChoose = this.provider === 'cpu' && (tuning || choices.size > 0);
    if (!canChoose) return usualVariant(threads);
    const shapes = dynamic ? '' : key.slice(key.lastIndexOf('|'));
    const graph = createHash('sha256')
      .update(structureOf(usual) + shapes)
      .digest('base64url');
    const chosen = choices.get(graph);
    if (chosen !== undefined) return { ...chosen, threads: Math.min(chosen.threads, threads) };
    if (!tuning) return usualVariant(threads);
    const variant = this.#choose(usual, modelOf, call);
    choices.set(graph, variant);
    trace({ event: 'tuned', graph: graphName(key), ...variant });
    return variant;
  }

  #bind(key: string, model: Model, variant: Variant): Binding {
    const compile = (graph: Model): Compiled => this.#compile(key, graph, variant);
    if (!policy.dynamic || this.provider !== 'cpu') {
      return { compiled: compile(model), constants: null };
    }
    const name = `${structureOf(model)} ${variant.threads}`;
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new GraphFamily();
      this.#families.set(name, family);
      const [oldest] = this.#families.keys();
      if (this.#families.size > MOST_FAMILIES) this.#families.delete(oldest);
    }
    return family.bind(model, compile);
  }

  /** Tries the ways to compile a graph on what it is to compute. */
  #choose(
    usual: Model,
    modelOf: (layout: Layout) => Model,
    { feeds, fetches }: { feeds: Feeds; fetches: Fetches },
  ): Variant {
    const variants = variantsOf(usual, this.#settings.threads);
    if (variants.length === 1) return variants[0];
    const sessions = new Map<Variant, NativeSession>();
    try {
      for (const variant of variants) {
        const model = variant.layout === 'blocked' ? usual : modelOf(variant.layout);
        const settings = { ...this.#settings, threads: variant.threads };
        sessions.set(variant, createSession(encodeModel(model), settings));
      }
      return quickest(variants, (variant) => sessions.get(variant)?.run(feeds, fetches));
    } finally {
      for (const session of sessions.values()) session.dispose();
    }
  }

  #compile(key: string, model: Model, { threads }: Variant): Compiled {
    const bytes = encodeModel(model);
    const started = performance.now();
    const session = createSession(bytes, { ...this.#settings, threads, provider: this.provider });
    traceGraph(key, bytes, performance.now() - started);
    const compiled = { session, name: graphName(key), runs: 0, bytes: 0, gone: false };
    this.#sessions.add(compiled);
    counters.compilations++;
    counters.sessions++;
    this.#grow(compiled, bytes.byteLength);
    return compiled;
  }

  #grow(compiled: Compiled, bytes: number): void {
    if (bytes <= 0) return;
    compiled.bytes += bytes;
    counters.sessionBytes += bytes;
  }

  #evict(current: Compiled): void {
    const { entries, bytes } = this.#budget;
    for (const compiled of [...this.#sessions]) {
      if (counters.sessions <= entries && counters.sessionBytes <= bytes) return;
      if (compiled === current) continue;
      this.#drop(compiled);
      counters.evictions++;
      trace({ event: 'evicted', graph: compiled.name });
    }
  }

  #drop(compiled: Compiled): void {
    compiled.session.dispose();
    compiled.gone = true;
    this.#sessions.delete(compiled);
    for (const [key, binding] of this.#bindings) {
      if (binding.compiled === compiled) this.#bindings.delete(key);
    }
    counters.sessions--;
    counters.sessionBytes -= compiled.bytes;
  }

  #watchChurn(hit: boolean, key: string): void {
    this.#recent.push(hit);
    if (this.#recent.length < CHURN_WINDOW) return;
    const misses = this.#recent.filter((wasHit) => !wasHit).length;
    this.#recent.length = 0;
    if (misses < CHURN_MISSES || policy.dynamic) return;
    const shapes = key.slice(key.lastIndexOf('|') + 1).slice(0, 200);
    notify({
      kind: 'churn',
      subject: 'sessions',
      message: `${misses} of the last ${CHURN_WINDOW} graphs had to be compiled because shapes keep changing; the last had inputs ${shapes}. Pad or drop short batches, or compile with dynamic: true.`,
    });
  }
}
