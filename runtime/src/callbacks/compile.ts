import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import { engineCounters, isOrt, type EngineCounters } from '../engine/index.ts';

const schema = z.strictObject({
  mode: z
    .enum(['default', 'reduce-overhead', 'max-autotune'])
    .default('reduce-overhead')
    .superRefine((mode, context) => {
      if (mode !== 'max-autotune') return;
      const message =
        'mode "max-autotune" (timing alternative kernels) is not available. Use mode: reduce-overhead.';
      context.addIssue({ code: 'custom', message });
    })
    .describe(
      'default: every step is recorded, its graph compiled once for each shape. reduce-overhead: ' +
        'after three recordings that agree, steps are replayed without running their JavaScript.',
    ),
});

export type CompileCallbackOptions = z.input<typeof schema>;

/**
 * Compiles training: PyTorch's `torch.compile`. Replayed steps give the same bits as recorded ones.
 * A step that cannot be replayed goes on being recorded, and a line says what stands in the way.
 * At the end of the run it reports replays, sessions, cache hits and kernels that fell back.
 */
export class CompileCallback implements Callback {
  static readonly schema = schema;
  readonly mode: 'default' | 'reduce-overhead' | 'max-autotune';
  #before: EngineCounters | null = null;

  constructor(options: CompileCallbackOptions = {}) {
    this.mode = parseOptions(schema, options, 'CompileCallback').mode;
  }

  get replaysSteps(): boolean {
    return this.mode !== 'default';
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
  const count = (key: 'compilations' | 'hits' | 'evictions' | 'runs' | 'replays'): string =>
    (after[key] - before[key]).toLocaleString('en-US');
  const fallbacks = Object.entries(after.fallbacks)
    .map(([kernel, runs]): [string, number] => [kernel, runs - (before.fallbacks[kernel] ?? 0)])
    .filter(([, runs]) => runs > 0)
    .map(([kernel, runs]) => `${kernel} (${String(runs)})`);
  const parts = [
    `${count('compilations')} graphs compiled`,
    `${count('runs')} runs`,
    `${count('replays')} steps replayed`,
    `${count('hits')} cache hits`,
    `${count('evictions')} evicted`,
    `${(after.sessionBytes / 1e6).toFixed(0)} MB held by ${String(after.sessions)} sessions`,
  ];
  const rest =
    fallbacks.length === 0 ? 'no fallback kernels' : `fallbacks: ${fallbacks.join(', ')}`;
  return `compile: ${parts.join(', ')}, ${rest}`;
}
