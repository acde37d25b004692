import { availableParallelism } from 'node:os';
// The compiled runtime, as in the step benchmark.
import { encodeModel } from '../../runtime/dist/engine/onnx/encodeModel.js';
import { GraphBuilder } from '../../runtime/dist/engine/onnx/graphBuilder.js';
import { sizeOf, type Value } from '../../runtime/dist/engine/onnx/value.js';
import {
  createSession,
  type NativeSession,
  type NativeTensor,
} from '../../runtime/dist/engine/ort/binding.js';
import type { Report } from '../report.ts';

/** Something that a model computes, in several ways that should give the same numbers. */
export interface Piece {
  readonly name: string;
  /** Shapes of the float32 inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly ways: Readonly<Record<string, Way>>;
}

export interface Way {
  /** Channels in a block of the graph's blocked layout, 0 for a graph without. */
  readonly blockSize: number;
  build(graph: GraphBuilder, inputs: readonly Value[]): Value;
}

const runsPerTurn = 3;

/** Times all ways of a piece in turn, with one thread and with all. */
export function race(report: Report, piece: Piece, rounds: number): void {
  for (const threads of new Set([1, availableParallelism()])) {
    const ways = Object.entries(piece.ways).map(([subject, way]) => {
      const { session, run } = prepare(piece, way, threads);
      for (let count = 0; count < runsPerTurn; count++) run();
      return { subject, session, run, samples: [] as number[] };
    });
    for (let round = 0; round < rounds; round++) {
      for (const { run, samples } of ways) {
        run();
        for (let count = 0; count < runsPerTurn; count++) samples.push(timed(run));
      }
    }
    for (const { subject, session, samples } of ways) {
      report.measure(`${piece.name}-${String(threads)}t`, subject, 'ms', samples);
      session.dispose();
    }
  }
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Only one number of the result is handed over: the rest is not what is measured. */
function prepare(
  { inputs }: Piece,
  way: Way,
  threads: number,
): { session: NativeSession; run: () => void } {
  const graph = new GraphBuilder(way.blockSize);
  const values = inputs.map((shape, index) => graph.input(`i${String(index)}`, 'float32', shape));
  const result = way.build(graph, values);
  const flat = graph.reshape(result, [1, result.size]);
  const value = graph.op(
    'Slice',
    [flat, ...[0, 1, 1].map((bound) => graph.constant('int64', [1], [bound]))],
    [1, 1],
  );
  const model = encodeModel(graph.finish([{ name: 'o', value }]));
  const session = createSession(model, { threads, spinning: false });
  const feeds = Object.fromEntries(
    inputs.map((shape, index) => [`i${String(index)}`, tensor(shape)]),
  );
  const fetches = { o: tensor([1, 1]) };
  return {
    session,
    run: () => {
      session.run(feeds, fetches);
    },
  };
}

function tensor(dims: readonly number[]): NativeTensor {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, index) => Math.sin(index * 1.7));
  return { type: 'float32', location: 'cpu', dims, data };
}
