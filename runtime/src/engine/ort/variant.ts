import { counters } from '../counters.ts';
import type { Model } from '../onnx/model.ts';

/** How images lie in memory inside a graph: in blocks of channels, or as ONNX has them. */
export type Layout = 'blocked' | 'plain';

/** A way to compile a graph. Variants give the same results up to rounding. */
export interface Variant {
  readonly layout: Layout;
  readonly threads: number;
}

/** What is done without being told: blocks where the processor has them, all threads. */
export function usualVariant(threads: number): Variant {
  return { layout: 'blocked', threads };
}

/** The ways worth trying for a graph; the usual one comes first. */
export function variantsOf(blocked: Model, threads: number): Variant[] {
  const isBlocked = blocked.nodes.some(({ domain }) => domain === 'com.microsoft.nchwc');
  const layouts: Layout[] = isBlocked ? ['blocked', 'plain'] : ['blocked'];
  const counts = [...new Set([threads, Math.ceil(threads / 2), 1])];
  return layouts.flatMap((layout) => counts.map((count) => ({ layout, threads: count })));
}

/** A decision: the graph's structure and shapes, and how to compile it. */
export interface ChosenVariant extends Variant {
  readonly graph: string;
}

/** Choices are remembered, so that a graph that is compiled again gives the same bits. */
const MOST_CHOICES = 512;

/** The variants chosen by timing, by the structure and shapes of their graphs. */
export class Choices {
  readonly #chosen = new Map<string, Variant>();

  get size(): number {
    return this.#chosen.size;
  }

  get(graph: string): Variant | undefined {
    return this.#chosen.get(graph);
  }

  set(graph: string, { layout, threads }: Variant): void {
    this.#chosen.set(graph, { layout, threads });
    const [oldest] = this.#chosen.keys();
    if (this.#chosen.size > MOST_CHOICES) this.#chosen.delete(oldest);
  }

  /** As plain data. */
  list(): ChosenVariant[] {
    return [...this.#chosen].map(([graph, variant]) => ({ graph, ...variant }));
  }

  /** Takes over what `list` gave; others stay. */
  restore(list: readonly ChosenVariant[]): void {
    for (const { graph, ...variant } of list) this.set(graph, variant);
  }
}

/**
 * The quickest of several ways by the clock: each runs once to find its memory, then in turns, and
 * the smallest time counts, since whatever disturbs a run makes it longer.
 */
export function quickest<T>(ways: readonly T[], run: (way: T) => void, rounds = 5): T {
  const best = new Map<T, number>();
  for (const way of ways) run(way);
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const started = performance.now();
      run(way);
      best.set(way, Math.min(best.get(way) ?? Infinity, performance.now() - started));
    }
  }
  counters.tuned++;
  // A way has to be clearly better than the one before it: those in front are the usual ones.
  return ways.reduce((kept, way) =>
    (best.get(way) ?? 0) < 0.95 * (best.get(kept) ?? 0) ? way : kept,
  );
}
