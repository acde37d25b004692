import * as tf from '@tensorflow/tfjs-core';
import { counters } from '../counters.ts';
import type { Lowering, OutputSpec } from '../lowerings/lowering.ts';
import { sizeOf } from '../onnx/value.ts';
import type { RunObserver } from '../replay/capture.ts';
import type { NativeTensor } from './binding.ts';
import { asValues, Entry, isNumeric } from './entry.ts';
import type { Values } from './entry.ts';
import { GraphNode } from './graphNode.ts';
import type { Use } from './graphNode.ts';
import { planRun } from './plan.ts';
import { runPlan } from './runPlan.ts';
import type { Destination } from './runPlan.ts';
import { SessionCache, type CacheSettings } from './sessionCache.ts';

/** A loop that never reads would otherwise record without end. */
const MOST_PENDING = 20_000;

/** The tfjs back end that records kernels and runs whole graphs in ONNX Runtime. */
export class OrtBackend extends tf.KernelBackend {
  #sessions: SessionCache;
  // Ids that another back end made and tfjs moved here.
  readonly #foreign = new WeakMap<object, Entry>();
  /** Told of everything while it is set: a step is being recorded to be replayed. */
  observer: RunObserver | null = null;
  #pending: GraphNode[] = [];
  #liveEntries = 0;

  constructor(settings: CacheSettings) {
    super();
    this.#sessions = new SessionCache(settings);
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override numDataIds(): number {
    return this.#liveEntries;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override time(run: () => void): Promise<{ kernelMs: number }> {
    this.flush();
    const start = performance.now();
    run();
    this.flush();
    return Promise.resolve({ kernelMs: performance.now() - start });
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): Entry {
    const entry = new Entry(dtype, shape);
    fill(entry, values);
    this.#liveEntries++;
    this.observer?.wrote(entry);
    return entry;
  }

  override move(
    dataId: object,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const returned = dataId instanceof Entry && dataId.dtype === dtype;
    const entry = returned ? dataId : new Entry(dtype, shape);
    if (returned) entry.gone = false;
    else this.#foreign.set(dataId, entry);
    fill(entry, values);
    entry.refCount = refCount;
    this.#liveEntries++;
  }

  override refCount(dataId: object): number {
    return this.#has(dataId) ? this.entryOf(dataId).refCount : 0;
  }

  override incRef(dataId: object): void {
    this.entryOf(dataId).refCount++;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.#has(dataId)) return true;
    const entry = this.entryOf(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.complex !== null) {
      this.disposeData(entry.complex.real.dataId);
      this.disposeData(entry.complex.imag.dataId);
    }
    entry.refCount = 0;
    this.#liveEntries--;
    if (dataId instanceof Entry) entry.gone = true;
    else this.#foreign.delete(dataId);
    return true;
  }

  override readSync(dataId: object): tf.BackendValues {
    this.observer?.read();
    const entry = this.entryOf(dataId);
    if (entry.strings !== null) return entry.strings;
    if (entry.complex !== null) {
      const { real, imag } = entry.complex;
      return tf.backend_util.mergeRealAndImagArrays(
        this.values(real.dataId) as Float32Array,
        this.values(imag.dataId) as Float32Array,
      );
    }
    const values = this.values(dataId);
    return this.entryOf(dataId).borrowed ? values.slice() : values;
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override dispose(): void {
    this.#pending = [];
    this.#sessions.clear();
  }

  /** The entry of a data id, moved here from another back end when necessary. */
  entryOf(dataId: object): Entry {
    if (dataId instanceof Entry && !dataId.gone) return dataId;
    if (!this.#has(dataId)) tf.engine().moveData(this, dataId);
    if (dataId instanceof Entry && !dataId.gone) return dataId;
    const entry = this.#foreign.get(dataId);
    if (entry === undefined) throw new Error('The tensor was disposed.');
    return entry;
  }

  /** The values of numeric data, evaluated if they are pending. */
  values(dataId: object): Values {
    const entry = this.entryOf(dataId);
    if (entry.node !== null) this.flush();
    if (entry.values === null) {
      throw new Error('The graph that computes this tensor failed.', { cause: entry.failure });
    }
    return entry.values;
  }

  /** The values if the data exists here and is not pending. */
  valuesOf(dataId: object): Values | undefined {
    if (!this.#has(dataId)) return undefined;
    return this.entryOf(dataId).values ?? undefined;
  }

  /**
   * Puts other values of the same size under a data id.
   *
   * @param borrowed whether others write into these values
   */
  replaceValues(dataId: object, values: Values, borrowed: boolean): void {
    const entry = this.entryOf(dataId);
    entry.values = values;
    entry.borrowed = borrowed;
  }

  /** Takes other settings: sessions are compiled anew, tensors stay. */
  configure(settings: CacheSettings): void {
    this.#sessions.clear();
    this.#sessions = new SessionCache(settings);
  }

  /** Makes a data id for a complex tensor whose parts it owns. */
  writeComplex(shape: number[], real: tf.TensorInfo, imag: tf.TensorInfo): Entry {
    const entry = new Entry('complex64', shape);
    entry.complex = { real, imag };
    this.#liveEntries++;
    return entry;
  }

  /** Adds a kernel call to the pending graph and returns tensors for its results. */
  record(
    lowering: Lowering,
    uses: readonly (Use | null)[],
    attrs: object,
    specs: readonly OutputSpec[],
  ): tf.TensorInfo[] {
    if (this.#pending.length >= MOST_PENDING) this.flush();
    const node = new GraphNode(lowering, uses, attrs, specs);
    this.#pending.push(node);
    this.#liveEntries += specs.length;
    counters.recorded++;
    return specs.map(({ shape, dtype }) => {
      const entry = new Entry(dtype, shape);
      entry.node = node;
      node.outputs.push(entry);
      return { dataId: entry, shape, dtype };
    });
  }

  /** Evaluates what live tensors need. */
  flush(destinations?: ReadonlyMap<Entry, Destination>): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    // Emptied first: a node that runs as fallback asks for values and must not flush again.
    this.#pending = [];
    const plan = planRun(pending);
    if (plan.outputs.length === 0) return;
    const results = runPlan(plan, this.#sessions, destinations);
    this.observer?.ran(plan, results);
  }

  /** Whether the session of a plan is there. */
  hasSession(key: string): boolean {
    return this.#sessions.has(key);
  }

  /** Runs the session of a plan again, on whatever is fed. */
  rerun(
    key: string,
    feeds: Record<string, NativeTensor>,
    fetches: Record<string, NativeTensor | null>,
  ): void {
    this.#sessions.run(key, () => missing(key), feeds, fetches);
  }

  /** Evaluates everything if a pending node reads one of these data ids. */
  flushReaders(dataIds: readonly object[]): void {
    if (this.#pending.length === 0) return;
    const entries = new Set(dataIds.map((dataId) => this.entryOf(dataId)));
    const reads = (use: Use | null) => use !== null && entries.has(use.entry);
    if (this.#pending.some((node) => node.uses.some(reads))) this.flush();
  }

  /** Evaluates these float32 tensors into the given views, with all that is pending. */
  materialize(requests: readonly { tensor: tf.Tensor; into: Float32Array }[]): void {
    this.observer?.materialized(requests);
    const destinations = new Map<Entry, Destination>();
    for (const { tensor, into } of requests) {
      const entry = this.entryOf(tensor.dataId);
      if (into.length !== sizeOf(entry.shape) || entry.dtype !== 'float32') {
        throw new RangeError(
          `materialize: expected a float32 tensor of ${into.length} elements, got ${entry.dtype} [${entry.shape.join()}].`,
        );
      }
      if (entry.node !== null && !destinations.has(entry)) destinations.set(entry, into);
    }
    this.flush(destinations);
    for (const { tensor, into } of requests) {
      const entry = this.entryOf(tensor.dataId);
      const values = this.values(entry);
      if (values !== into) into.set(values);
      // Somebody else holds this tensor too, and must not see what is written here later.
      else if (entry.refCount > 1) this.replaceValues(entry, into.slice(), false);
    }
  }

  #has(dataId: object): boolean {
    return dataId instanceof Entry ? !dataId.gone : this.#foreign.has(dataId);
  }
}

function missing(key: string): never {
  throw new Error(`There is no session for ${key.slice(0, 80)}.`);
}

function fill(entry: Entry, values: tf.BackendValues): void {
  entry.node = null;
  if (isNumeric(entry.dtype)) {
    entry.values = asValues(entry.dtype, values as ArrayLike<number>);
  } else {
    entry.strings = (values as (Uint8Array | string)[]).map((item) =>
      typeof item === 'string' ? tf.util.encodeString(item) : item,
    );
  }
}
