import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { ProfilerSummary } from '../core/profiler.ts';
import type { TrainerContext } from '../core/trainerContext.ts';

const schema = z.strictObject({
  everyNUpdates: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe('Updates between two values. Default: whenever training values are logged.'),
  warmUp: z
    .int()
    .nonnegative()
    .default(5)
    .describe('First updates of a process that count nowhere: graphs are compiled in them.'),
});

export type ThroughputOptions = z.input<typeof schema>;

/** Where a window began. */
interface Mark {
  readonly samples: number;
  readonly batches: number;
  readonly updates: number;
  readonly times: ProfilerSummary;
}

/**
 * Logs how fast training is and what the time goes into, each value over the updates since the
 * last one: `throughput/samples_per_second`, `/batches_per_second`, `/updates_per_second`, and
 * `time/compute`, `/data_wait`, `/validation`, `/logging`, `/checkpoint`, `/idle` in percent.
 */
export class Throughput implements Callback {
  static readonly schema = schema;
  readonly #options: z.output<typeof schema>;
  #from: Mark | null = null;
  #firstUpdate = 0;
  #update = 0;
  #total = { samples: 0, seconds: 0 };

  constructor(options: ThroughputOptions = {}) {
    this.#options = parseOptions(schema, options, 'Throughput');
  }

  /** Samples a second over the whole run, what came before a resume included and warm-ups not. */
  get samplesPerSecond(): number | null {
    const { samples, seconds } = this.#total;
    return seconds === 0 ? null : samples / seconds;
  }

  onTrainStart({ globalStep }: TrainerContext): void {
    this.#firstUpdate = this.#update = globalStep;
    this.#from = null;
  }

  onTrainBatchEnd(context: TrainerContext): void {
    const { globalStep } = context;
    if (globalStep === this.#update) return;
    this.#update = globalStep;
    if (globalStep - this.#firstUpdate < this.#options.warmUp) return;
    const every = this.#options.everyNUpdates ?? context.plan?.logEveryUpdates ?? 1;
    if (this.#from !== null && globalStep % every !== 0) return;
    const now = markOf(context);
    if (this.#from !== null) this.#log(context, this.#from, now);
    this.#from = now;
  }

  stateDict(): JsonObject {
    return { ...this.#total };
  }

  loadStateDict(state: JsonObject): void {
    this.#total = { samples: Number(state.samples), seconds: Number(state.seconds) };
  }

  #log(context: TrainerContext, from: Mark, to: Mark): void {
    const seconds = to.times.seconds - from.times.seconds;
    if (seconds <= 0) return;
    this.#total.samples += to.samples - from.samples;
    this.#total.seconds += seconds;
    const values: Record<string, number> = {
      'throughput/samples_per_second': (to.samples - from.samples) / seconds,
      'throughput/batches_per_second': (to.batches - from.batches) / seconds,
      'throughput/updates_per_second': (to.updates - from.updates) / seconds,
    };
    to.times.phases.forEach(({ name, seconds: after }, index) => {
      const spent = after - from.times.phases[index].seconds;
      values[`time/${name === 'dataWait' ? 'data_wait' : name}`] = (100 * spent) / seconds;
    });
    context.logValues(values);
  }
}

function markOf({ counters, timings }: TrainerContext): Mark {
  return {
    samples: counters.samples,
    batches: counters.batches.processed,
    updates: counters.updates.completed,
    times: timings,
  };
}
