import { fnmatch } from '../core/fnmatch.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { formatMetric } from './barText.ts';

type Shown = readonly [name: string, text: string];

/** Chooses metrics by shell patterns; names are matched again only when new ones appear. */
export class MetricPatterns {
  readonly #wanted: readonly { readonly pattern: string; matches: (name: string) => boolean }[];
  readonly #unwanted: readonly ((name: string) => boolean)[];
  #known = -1;
  #names: readonly string[] = [];

  /** @param patterns order of display; those with `!` in front leave out */
  constructor(patterns: readonly string[]) {
    this.#wanted = patterns
      .filter((pattern) => !pattern.startsWith('!'))
      .map((pattern) => ({ pattern, matches: fnmatch(pattern) }));
    this.#unwanted = patterns
      .filter((pattern) => pattern.startsWith('!'))
      .map((pattern) => fnmatch(pattern.slice(1)));
  }

  /** @param loss of the newest batch, for the name `loss` unless something logged that name */
  show(context: TrainerContext, loss: number | null): string[] {
    const { metrics } = context;
    if (metrics.size !== this.#known) {
      this.#known = metrics.size;
      this.#names = this.#choose([...metrics.keys()]);
    }
    return this.#names
      .flatMap((name): Shown[] => {
        const value = metrics.get(name)?.value;
        if (value !== undefined) return [[name, formatMetric(value)]];
        const special = specialValue(name, context, loss);
        return special === null ? [] : [[name, special]];
      })
      .map(([name, text]) => `${name}=${text}`);
  }

  #choose(logged: readonly string[]): string[] {
    const names = this.#wanted.flatMap(({ pattern, matches }) => {
      const found = logged.filter((name) => matches(name));
      return found.length === 0 && specialNames.has(pattern) ? [pattern] : found;
    });
    return [...new Set(names)].filter((name) => !this.#unwanted.some((matches) => matches(name)));
  }
}

const specialNames: ReadonlySet<string> = new Set(['epoch', 'step', 'batch_idx', 'loss']);

function specialValue(name: string, context: TrainerContext, loss: number | null): string | null {
  const { counters, plan } = context;
  if (name === 'epoch') {
    const epochs = plan?.maxEpochs == null ? '' : `/${String(plan.maxEpochs)}`;
    return `${String(counters.epochs.completed + 1)}${epochs}`;
  }
  if (name === 'step') return String(counters.updates.completed);
  if (name === 'batch_idx') return String(Math.max(0, counters.batchesInEpoch - 1));
  return loss === null ? null : formatMetric(loss);
}
