import { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { ElementType, Model } from '../onnx/model.ts';
import type { Value } from '../onnx/value.ts';
import { endName } from './binding.ts';
import type { Provider } from './binding.ts';
import { blockSize } from './blockSize.ts';
import type { Entry } from './entry.ts';
import type { GraphNode, Use } from './graphNode.ts';
import type { Plan } from './plan.ts';
import type { Layout } from './variant.ts';

/** Name of the plan's input at an index. */
export const inputName = (index: number): string => `i${index}`;
/** Name of the plan's output at an index. */
export const outputName = (index: number): string => `o${index}`;

/**
 * Lowers a plan to an ONNX model. The blocked layout of images and the early end are the
 * processor's own; the binding fetches from other devices by copying.
 */
export function compilePlan(plan: Plan, provider: Provider, layout: Layout): Model {
  const onCpu = provider === 'cpu';
  const graph = new GraphBuilder(onCpu && layout === 'blocked' ? blockSize() : 0);
  const inputs = new Map<Entry, Value>();
  for (const [index, entry] of plan.inputs.entries()) {
    inputs.set(entry, graph.input(inputName(index), entry.dtype as ElementType, entry.shape));
  }
  const results: Value[][] = [];
  for (const node of plan.nodes) {
    const operands = node.uses.map((use) => operand(graph, use, inputs, results));
    results.push(emit(graph, node, operands));
  }
  const outputs = plan.outputs.map(({ node, output }, index) => ({
    name: outputName(index),
    value: results[node][output],
  }));
  const model = graph.finish(outputs);
  return onCpu ? endingEarly(model) : model;
}

/** Puts the output in front that keeps the binding from copying the others. */
function endingEarly(model: Model): Model {
  const port = { name: endName, type: 'bfloat16', shape: [1] } as const;
  return {
    ...model,
    initializers: [...model.initializers, { ...port, bytes: new Uint8Array(2) }],
    outputs: [port, ...model.outputs],
  };
}

function emit(
  graph: GraphBuilder,
  node: GraphNode,
  operands: readonly (Value | undefined)[],
): Value[] {
  // Optional inputs are absent only for lowerings that declare and handle them.
  return node.lowering.emit(graph, operands as readonly Value[], node.attrs, node.specs);
}

function operand(
  graph: GraphBuilder,
  use: Use | null,
  inputs: ReadonlyMap<Entry, Value>,
  results: readonly Value[][],
): Value | undefined {
  if (use === null) return undefined;
  const { entry, shape } = use;
  const producer = entry.node;
  const value =
    producer === null
      ? inputs.get(entry)
      : results[producer.position][producer.outputs.indexOf(entry)];
  return value === undefined ? undefined : graph.reshape(value, shape);
}
