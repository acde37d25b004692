import { didYouMean, UsageError } from '../../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Stage } from '../stage.ts';
import type { HostPart, Metric, MetricSums } from './metric.ts';

interface Entry {
  readonly metric: string;
  /** Null while only the state of a checkpoint is there. */
  sums: MetricSums | null;
  readonly saved: Json;
}

/** The sums of metric objects: one set for each stage and full name. */
export class MetricEpochs {
  readonly #find: () => ReadonlyMap<string, Metric>;
  readonly #stages = new Map<Stage, Map<string, Entry>>();
  #known: ReadonlyMap<string, Metric> | null = null;

  /** @param find the metrics of the module by name; asked once, when the first is needed */
  constructor(find: () => ReadonlyMap<string, Metric>) {
    this.#find = find;
  }

  /** Adds the updates of one step. @throws UsageError ERR_METRIC_FIELD, ERR_LOG_VALUE */
  add(stage: Stage, key: string, metric: Metric, updates: readonly (readonly HostPart[])[]): void {
    const entries = this.#stages.get(stage) ?? new Map<string, Entry>();
    this.#stages.set(stage, entries);
    const entry = entries.get(key) ?? {
      metric: this.#nameOf(metric, key),
      sums: null,
      saved: null,
    };
    entries.set(key, entry);
    if (this.#metrics.get(entry.metric) !== metric) {
      throw new UsageError(
        'ERR_METRIC_SHARED',
        `"${key}" is logged with two metrics, one of them ${entry.metric}. Give each a name of its own.`,
      );
    }
    const sums = this.#sumsOf(entry);
    for (const parts of updates) sums.add(parts);
  }

  /** Values of a stage so far, by full name; several values of one metric get `/<part>`. */
  compute(stage: Stage): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [key, entry] of this.#stages.get(stage) ?? []) {
      Object.assign(values, namedValues(key, this.#sumsOf(entry)));
    }
    return values;
  }

  reset(stage: Stage): void {
    this.#stages.delete(stage);
  }

  /** Of training alone: an evaluation that did not end is done again from its start. */
  stateDict(): JsonObject[] {
    return [...(this.#stages.get('train') ?? [])].map(([key, { metric, sums, saved }]) => ({
      key,
      metric,
      sums: sums?.stateDict() ?? saved,
    }));
  }

  loadStateDict(state: readonly JsonObject[]): void {
    const saved = state as unknown as readonly { key: string; metric: string; sums: Json }[];
    const entries = saved.map(({ key, metric, sums }): [string, Entry] => [
      key,
      { metric, sums: null, saved: sums },
    ]);
    this.#stages.clear();
    if (entries.length > 0) this.#stages.set('train', new Map(entries));
  }

  get #metrics(): ReadonlyMap<string, Metric> {
    return (this.#known ??= this.#find());
  }

  #sumsOf(entry: Entry): MetricSums {
    if (entry.sums !== null) return entry.sums;
    const metric = this.#metrics.get(entry.metric);
    if (metric === undefined) {
      throw new UsageError(
        'ERR_METRIC_STATE',
        `The checkpoint was saved inside an epoch with sums of the metric "${entry.metric}", which this ` +
          `module does not have.${didYouMean(entry.metric, [...this.#metrics.keys()])} Keep the field, or ` +
          'resume from the end of an epoch.',
      );
    }
    entry.sums = metric.newSums();
    if (entry.saved !== null) entry.sums.loadStateDict(entry.saved);
    return entry.sums;
  }

  #nameOf(metric: Metric, key: string): string {
    for (const [name, known] of this.#metrics) if (known === metric) return name;
    throw new UsageError(
      'ERR_METRIC_FIELD',
      `log("${key}"): the metric is in no field of the module, so its sums could not be kept from ` +
        'step to step. Make it once: readonly accuracy = new Accuracy({ ... }).',
    );
  }
}

/** The value of sums under their full name, or the several of them. */
export function namedValues(key: string, sums: MetricSums): Record<string, number> {
  const result = sums.compute();
  if (typeof result === 'number') return { [key]: result };
  return Object.fromEntries(
    Object.entries(result).map(([part, value]) => [`${key}/${part}`, value]),
  );
}
