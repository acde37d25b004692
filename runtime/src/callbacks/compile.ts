import { z } from 'zod';
import type { Callback, CompileSettings } from '../core/callback.ts';
import type { JsonObject } from '../core/json.ts';
import { parseOptions } from '../core/parseOptions.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import {
  compileChoices,
  engineCounters,
  isOrt,
  restoreCompileChoices,
  type EngineCounters,
} from '../engine/index.ts';

const schema = z.strictObject({
  mode: z
    .enum(['default', 'reduce-overhead', 'max-autotune'])
    .default('reduce-overhead')
    .describe(
      'default: every step is recorded, its graph compiled once for each shape. reduce-overhead: ' +
        'after three recordings that agree, steps are replayed without running their JavaScript. ' +
        'max-autotune: replayed, and each graph of a step is compiled in several ways, of which ' +
        'the quickest stays.',
    ),
  dynamic: z
    .boolean()
    .default(false)
    .describe(
      'true: from its second shape on a step has one compiled graph for all shapes. false: one ' +
        'for each shape.',
    ),
  targetModules: z
    .array(z.string().min(1))
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Sub-modules, as in parameter names (backbone, net.0). Only the steps of optimizers that ' +
        'train one of them are compiled, each as a whole; null: all steps.',
    ),
  enabled: z.boolean().default(true).describe('false: as if the callback were not there.'),
});

export type CompileCallbackOptions = z.input<typeof schema>;

/**
 * Compiles training: PyTorch's `torch.compile`. Replayed steps give the same bits as recorded ones.
 * A step that cannot be replayed goes on being recorded, and a line says what stands in the way.
 * What `max-autotune` chose by the clock is part of checkpoints, so that a resumed run computes
 * the same; two runs from the start may choose differently and then differ by rounding.
 * At the end of the run it reports replays, sessions, cache hits and kernels that fell back.
 */
export class CompileCallback implements Callback {
  static readonly schema = schema;
  readonly mode: 'default' | 'reduce-overhead' | 'max-autotune';
  readonly dynamic: boolean;
  readonly targetModules: readonly string[] | null;
  readonly enabled: boolean;
  #before: EngineCounters | null = null;

  constructor(options: CompileCallbackOptions = {}) {
    const parsed = parseOptions(schema, options, 'CompileCallback');
    this.mode = parsed.mode;
    this.dynamic = parsed.dynamic;
    this.targetModules = parsed.targetModules;
    this.enabled = parsed.enabled;
  }

  get compiles(): CompileSettings | undefined {
    const { mode, dynamic, targetModules: targets } = this;
    if (!this.enabled) return undefined;
    return { replay: mode !== 'default', tune: mode === 'max-autotune', dynamic, targets };
  }

  stateDict(): JsonObject {
    if (this.mode !== 'max-autotune') return {};
    return { choices: compileChoices().map((choice) => ({ ...choice })) };
  }

  loadStateDict({ choices }: JsonObject): void {
    if (this.mode !== 'max-autotune' || !Array.isArray(choices)) return;
    restoreCompileChoices(choices as unknown as ReturnType<typeof compileChoices>);
  }

  onFitStart({ terminal }: TrainerContext): void {
    if (!this.enabled) return;
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
  const count = (
    key: 'compilations' | 'hits' | 'evictions' | 'runs' | 'replays' | 'tuned',
  ): string => (after[key] - before[key]).toLocaleString('en-US');
  const fallbacks = Object.entries(after.fallbacks)
    .map(([kernel, runs]): [string, number] => [kernel, runs - (before.fallbacks[kernel] ?? 0)])
    .filter(([, runs]) => runs > 0)
    .map(([kernel, runs]) => `${kernel} (${String(runs)})`);
  const parts = [
    `${count('compilations')} graphs compiled`,
    `${count('runs')} runs`,
    `${count('replays')} steps replayed`,
    ...(after.tuned > before.tuned ? [`${count('tuned')} tuned`] : []),
    `${count('hits')} cache hits`,
    `${count('evictions')} evicted`,
    `${(after.sessionBytes / 1e6).toFixed(0)} MB held by ${String(after.sessions)} sessions`,
  ];
  const rest =
    fallbacks.length === 0 ? 'no fallback kernels' : `fallbacks: ${fallbacks.join(', ')}`;
  return `compile: ${parts.join(', ')}, ${rest}`;
}
