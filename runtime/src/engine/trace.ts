import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UsageError } from '../errors.ts';

/** One line of `trace.jsonl`. */
export type TraceEvent =
  | {
      readonly event: 'compiled';
      /** The graph's file. */
      readonly graph: string;
      readonly bytes: number;
      readonly milliseconds: number;
      readonly inputs: string;
    }
  | { readonly event: 'fallback'; readonly kernel: string }
  | {
      readonly event: 'tuned';
      readonly graph: string;
      readonly layout: string;
      readonly threads: number;
    }
  | { readonly event: 'evicted'; readonly graph: string }
  | { readonly event: 'recorded' | 'replaying'; readonly step: string; readonly graph: string }
  | { readonly event: 'unreplayable'; readonly step: string; readonly reason: string };

let folder: string | null = null;
let graphs = new Map<string, string>();

/**
 * From now on writes every compiled graph as an `.onnx` file (for viewers such as Netron) and a
 * line about everything the engine decides into `trace.jsonl`, both in `into`; null ends it.
 * @throws UsageError ERR_ENGINE_TRACE when the folder cannot be written
 */
export function traceEngine(into: string | null): void {
  folder = into;
  graphs = new Map();
  if (into === null) return;
  try {
    mkdirSync(into, { recursive: true });
    writeFileSync(join(into, 'trace.jsonl'), '');
  } catch (cause) {
    throw new UsageError(
      'ERR_ENGINE_TRACE',
      `LIGHTBOX_ENGINE_TRACE: expected a folder that can be written, got "${into}" (${messageOf(cause)}). Name another one, or unset it.`,
      { cause },
    );
  }
}

/** Adds a line, if tracing is on. */
export function trace(event: TraceEvent): void {
  if (folder === null) return;
  appendFileSync(join(folder, 'trace.jsonl'), `${JSON.stringify(event)}\n`);
}

/** Writes a graph that was compiled, if tracing is on. */
export function traceGraph(key: string, model: Uint8Array, milliseconds: number): void {
  if (folder === null) return;
  const graph = graphName(key);
  writeFileSync(join(folder, graph), model);
  const inputs = key.slice(key.lastIndexOf('|') + 1).slice(0, 400);
  trace({ event: 'compiled', graph, bytes: model.byteLength, milliseconds, inputs });
}

/** The file name of the graph known by `key`. */
export function graphName(key: string): string {
  if (folder === null) return '';
  const name = graphs.get(key) ?? `graph-${String(graphs.size + 1).padStart(3, '0')}.onnx`;
  graphs.set(key, name);
  return name;
}
