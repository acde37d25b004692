import type { DataModule } from '../../core/dataModule.ts';
import { progressText, reportCachesTo, type FillProgress } from '../../data/cache/fillProgress.ts';
import { isUsageError } from '../../errors.ts';
import type { Host } from '../host.ts';
import type { CommandContext } from './command.ts';
import { requestOf, runConfigured } from './configured.ts';

const barWidth = 24;

/** Builds the data of a configuration and fills its caches, without training. */
export function prepareData(context: CommandContext): Promise<number> {
  const { host } = context;
  return runConfigured(context, requestOf(context), async ({ dataModule }) => {
    const stop = new AbortController();
    let interrupted = 0;
    const offs = (['SIGINT', 'SIGTERM'] as const).map((signal) =>
      host.signals.on(signal, () => {
        interrupted = signal === 'SIGINT' ? 130 : 143;
        stop.abort();
      }),
    );
    const cached = new Set<string>();
    const ready = (name: string): void => void cached.add(name);
    const restore = reportCachesTo({ ...reportOf(host, stop.signal), ready });
    try {
      await dataModule.prepareData?.({ line: (text) => host.terminal.line(text) });
      await fillAll(dataModule);
      host.terminal.line(preparedText([...cached]));
      return 0;
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      host.terminal.line('Stopped. What is finished stays; the next run goes on from there.');
      return interrupted;
    } finally {
      host.terminal.live(null);
      restore();
      for (const off of offs) off();
    }
  });
}

function preparedText(cached: readonly string[]): string {
  if (cached.length > 0) return `Prepared. In the cache: ${cached.join(', ')} (see data ls).`;
  return 'Prepared. Nothing is cached: either no dataset asks for it (enable_cache, CachedDataset), or batches are read whole, which is faster than a cache.';
}

/** A bar where there is a screen, plain lines elsewhere. */
function reportOf({ terminal }: Host, signal: AbortSignal) {
  const line = (text: string): void => terminal.line(text);
  if (!terminal.isTTY) return { line, signal };
  return { line, signal, progress: (progress: FillProgress) => terminal.live([bar(progress)]) };
}

function bar(progress: FillProgress): string {
  const filled = Math.round((barWidth * progress.done) / Math.max(1, progress.total));
  return `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}] ${progressText(progress)}`;
}

/** Prepares the loaders of every stage that the data has. */
async function fillAll(dataModule: DataModule): Promise<void> {
  const stages = [
    ['fit', () => [dataModule.trainDataloader(), dataModule.valDataloader?.()]],
    ['test', () => [dataModule.testDataloader?.()]],
    ['predict', () => [dataModule.predictDataloader?.()]],
  ] as const;
  for (const [kind, loaders] of stages) {
    try {
      await dataModule.setup?.(kind);
      for (const loader of loaders().flatMap(loadersIn)) await loader.prepare();
    } catch (error) {
      // A data module without test data says so; there is nothing to prepare then.
      if (kind === 'fit' || !isUsageError(error)) throw error;
    } finally {
      await dataModule.teardown?.(kind);
    }
  }
}

interface Preparable {
  prepare(): Promise<void>;
}

function loadersIn(value: unknown): Preparable[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('prepare' in value && typeof value.prepare === 'function') return [value as Preparable];
  return 'iterate' in value ? [] : Object.values(value).flatMap(loadersIn);
}
