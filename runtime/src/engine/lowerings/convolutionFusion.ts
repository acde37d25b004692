import { BLOCKED_DOMAIN } from '../onnx/graphBuilder.ts';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { ModelNode } from '../onnx/model.ts';
import { Value } from '../onnx/value.ts';

/**
 * `Add(convolution, bias)` as a convolution with bias, or null when this is something else.
 * The plain convolution stays in the graph only if something else reads it.
 */
export function addBiasToConvolution(graph: GraphBuilder, a: Value, b: Value): Value | null {
  const [image, bias] = a.rank === 4 ? [a, b] : [b, a];
  const node = producerOf(graph, image);
  if (node?.inputs.length !== 2 || 'activation' in node.attributes) return null;
  const channels = image.shape[3];
  if (bias.size !== channels || (bias.rank > 0 && bias.shape.at(-1) !== channels)) return null;
  if (bias.rank > 4) return null;
  const inputs = [...node.inputs, graph.rows(graph.reshape(bias, [channels]))];
  const { type, attributes, domain } = node;
  const [name] = graph.raw(type, inputs, attributes, { domain });
  const form = domain === BLOCKED_DOMAIN ? { blocked: name } : { channelsFirst: name };
  return new Value('float32', image.shape, form);
}

/** `Relu(convolution)` as one node in the blocked layout, or null when this is something else. */
export function addReluToConvolution(graph: GraphBuilder, image: Value): Value | null {
  const node = producerOf(graph, image);
  if (node?.domain !== BLOCKED_DOMAIN || 'activation' in node.attributes) return null;
  const attributes = { ...node.attributes, activation: 'Relu' };
  const [blocked] = graph.raw(node.type, node.inputs, attributes, { domain: node.domain });
  return new Value('float32', image.shape, { blocked });
}

/** The convolution that makes the value, if only the convolution's own layout was asked for. */
function producerOf(graph: GraphBuilder, image: Value): ModelNode | undefined {
  const name = image.blocked ?? image.channelsFirst;
  if (image.rows !== undefined || name === undefined) return undefined;
  const node = graph.producer(name);
  return node?.type === 'Conv' ? node : undefined;
}
