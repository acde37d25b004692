import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { sizeOf } from '../onnx/value.ts';
import type { Value } from '../onnx/value.ts';
import { concat } from './taps.ts';

/** ONNX Runtime's estimate of the cycles of a scatter: per number, and where it takes threads. */
const cyclesPerNumber = 2.4;
const serialCycles = 90_000;

/**
 * Puts updates at places (int64 [..., depth], indices into the first axes of `base`), or adds them.
 *
 * ONNX Runtime shares a large ScatterND among threads that write the same place at the same time:
 * sums then differ from run to run, and may lack something. So it is cut into pieces that it
 * thinks too small for threads: by columns of what lies at a place, and by places where one
 * column is still too much.
 */
export function scatter(
  graph: GraphBuilder,
  base: Value,
  places: Value,
  updates: Value,
  reduction: 'add' | 'none' = 'none',
): Value {
  const depth = places.shape[places.rank - 1];
  const count = places.size / depth;
  const front = base.shape.slice(0, depth);
  const size = sizeOf(base.shape.slice(depth));
  const most = Math.max(1, Math.floor(serialCycles / cyclesPerNumber));
  const columns = Math.max(1, Math.min(size, Math.floor(most / count)));
  const widths = shares(size, columns);
  const tuples = graph.reshape(places, [count, depth]);
  const rows = shares(count, Math.max(1, Math.floor(most / columns)));
  const tuplePieces = split(graph, tuples, 0, rows);
  const bases = split(graph, graph.reshape(base, [...front, size]), depth, widths);
  const parts = split(graph, graph.reshape(updates, [count, size]), 1, widths);
  const results = parts.map((part, index) => {
    const pieces = split(graph, part, 0, rows);
    return pieces.reduce((sum, piece, row) => {
      const operands = [sum, tuplePieces[row], piece];
      return graph.op('ScatterND', operands, sum.shape, { reduction });
    }, bases[index]);
  });
  return graph.reshape(concat(graph, results, depth), base.shape);
}

/** A length as equal shares of at most so many, but for the last one. */
function shares(length: number, most: number): number[] {
  const count = Math.ceil(length / most);
  const share = Math.ceil(length / Math.max(1, count));
  return Array.from({ length: count }, (_, n) => Math.min(share, length - n * share));
}

function split(
  graph: GraphBuilder,
  value: Value,
  axis: number,
  lengths: readonly number[],
): Value[] {
  if (lengths.length === 1) return [value];
  const shapes = lengths.map((length) => value.shape.with(axis, length));
  const { repeated } = value;
  if (repeated?.size === 1) return shapes.map((shape) => graph.repeat(repeated, shape));
  const names = graph.raw(
    'Split',
    [graph.rows(value), graph.ints(lengths)],
    { axis },
    { outputs: lengths.length },
  );
  return names.map((name, index) => graph.view(name, shapes[index], value.type));
}
