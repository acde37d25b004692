import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { engineCounters, isOrt, type EngineCounters } from '../engine/index.ts';

const schema = z.strictObject({
  mode: z
    .string()
    .default('default')
    .superRefine((mode, context) => {
      const refused = refusals[mode];
      if (mode === 'default') return;
      context.addIssue({
        code: 'custom',
        message: refused ?? `expected "default", got ${JSON.stringify(mode)}. Use mode: default.`,
      });
    })
    .describe('default: every step is recorded; its graph is compiled once for each shape.'),
});

const refusals: Record<string, string | undefined> = {
  'reduce-overhead':
    'mode "reduce-overhead" (replaying whole steps) is not available yet. Use mode: default, which compiles and caches the same graphs.',
  'max-autotune':
    'mode "max-autotune" (timing alternative kernels) is not available yet. Use mode: default.',
};

export type CompileCallbackOptions = z.input<typeof schema>;

/** Reports how the engine compiled this run: sessions, cache hits, kernels that fell back. */
export class CompileCallback implements Callback {
  static readonly schema = schema;
  readonly mode: string;
  #before: EngineCounters | null = null;

  constructor(options: CompileCallbackOptions = {}) {
    this.mode = parseOptions(schema, options, 'CompileCallback').mode;
  }

  onFitStart({ terminal }: TrainerContext): void {
    this.#before = engineCounters();
    if (!isOrt()) {
      terminal.line('compile: this back end runs kernels one by one; nothing is compiled.');
    }
  }

  onFitEnd({ terminal }: TrainerContext): void {
    if (this.#before === null || !isOrt()) return;
    terminal.line(compileReport(this.#before, engineCounters()));
  }
}

/** What happened between two readings of the counters, in a line. */
export function compileReport(before: EngineCounters, after: EngineCounters): string {
  const count = (key: 'compilations' | 'hits' | 'misses' | 'evictions' | 'runs'): string =>
    (after[key] - before[key]).toLocaleString('en-US');
  const fallbacks = Object.entries(after.fallbacks)
    .map(([kernel, runs]): [string, number] => [kernel, runs - (before.fallbacks[kernel] ?? 0)])
    .filter(([, runs]) => runs > 0)
    .map(([kernel, runs]) => `${kernel} (${String(runs)})`);
  const parts = [
    `${count('compilations')} graphs compiled`,
    `${count('runs')} runs`,
    `${count('hits')} cache hits`,
    `${count('evictions')} evicted`,
    `${(after.sessionBytes / 1e6).toFixed(0)} MB held by ${String(after.sessions)} sessions`,
  ];
  const rest =
    fallbacks.length === 0 ? 'no fallback kernels' : `fallbacks: ${fallbacks.join(', ')}`;
  return `compile: ${parts.join(', ')}, ${rest}`;
}
