import { BLOCKED_DOMAIN } from '../onnx/graphBuilder.ts';
import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { ModelNode } from '../onnx/model.ts';
import { sameShape, Value } from '../onnx/value.ts';

/**
 * `Add(convolution, bias)` as a convolution with bias, or null when this is something else.
 * The plain convolution stays in the graph only if something else reads it.
 */
export function addBiasToConvolution(graph: GraphBuilder, a: Value, b: Value): Value | null {
  const [image, full] = a.rank === 4 && a.repeated === undefined ? [a, b] : [b, a];
  const bias = full.repeated ?? full;
  const node = producerOf(graph, image);
  if (node === undefined || (node.inputs.at(2) ?? '') !== '' || isActivated(node)) return null;
  const channels = image.shape[3];
  if (bias.size !== channels || (bias.rank > 0 && bias.shape.at(-1) !== channels)) return null;
  if (bias.rank > 4) return null;
  const [pixels, weights, , ...added] = node.inputs;
  const inputs = [pixels, weights, graph.rows(graph.reshape(bias, [channels])), ...added];
  const { type, attributes, domain } = node;
  const [name] = graph.raw(type, inputs, attributes, { domain });
  const form = domain === BLOCKED_DOMAIN ? { blocked: name } : { channelsFirst: name };
  return new Value('float32', image.shape, form);
}

/** `Relu(convolution)` as one node in the blocked layout, or null when this is something else. */
export function addReluToConvolution(graph: GraphBuilder, image: Value): Value | null {
  const node = producerOf(graph, image);
  if (node?.domain !== BLOCKED_DOMAIN || isActivated(node)) return null;
  const attributes = { ...node.attributes, activation: 'Relu' };
  const [blocked] = graph.raw(node.type, node.inputs, attributes, { domain: node.domain });
  return new Value('float32', image.shape, { blocked });
}

/**
 * An image in blocks times one number a channel, or null when this is something else: as a
 * convolution of single pixels, so that an addition and a relu after it need no pass of their own.
 */
export function scaleChannels(graph: GraphBuilder, a: Value, b: Value): Value | null {
  const [image, full] = a.blocked === undefined ? [b, a] : [a, b];
  const factors = full.repeated ?? full;
  const channels = image.shape.at(-1) ?? 1;
  if (image.blocked === undefined || image.rows !== undefined) return null;
  if (image.type !== 'float32' || image.rank !== 4 || factors.rank > 4 || channels === 1)
    return null;
  if (factors.size !== channels || factors.shape.at(-1) !== channels) return null;
  const weights = graph.rows(graph.reshape(factors, [channels, 1, 1, 1]));
  const attributes = { kernel_shape: [1, 1], group: channels };
  const options = { domain: BLOCKED_DOMAIN };
  const [blocked] = graph.raw('Conv', [image.blocked, weights], attributes, options);
  return new Value('float32', image.shape, { blocked });
}

/** A scaled image (see `scaleChannels`) plus another image in one pass, else null. */
export function addToScaled(graph: GraphBuilder, a: Value, b: Value): Value | null {
  return addTo(graph, a, b) ?? addTo(graph, b, a);
}

function addTo(graph: GraphBuilder, image: Value, other: Value): Value | null {
  const node = producerOf(graph, image);
  if (node === undefined || isActivated(node) || node.inputs.length > 3) return null;
  const { kernel_shape: kernel, group } = node.attributes;
  const isScale = group === image.shape[3] && JSON.stringify(kernel) === '[1,1]';
  if (node.domain !== BLOCKED_DOMAIN || !isScale) return null;
  if (other.repeated !== undefined || !sameShape(image.shape, other.shape)) return null;
  if (!graph.canBlock(other)) return null;
  const [pixels, weights, bias = ''] = node.inputs;
  const inputs = [pixels, weights, bias, graph.blocked(other)];
  const [blocked] = graph.raw('Conv', inputs, node.attributes, { domain: BLOCKED_DOMAIN });
  return new Value('float32', image.shape, { blocked });
}

function isActivated({ attributes }: ModelNode): boolean {
  return 'activation' in attributes;
}

/** The convolution that makes the value, if only the convolution's own layout was asked for. */
function producerOf(graph: GraphBuilder, image: Value): ModelNode | undefined {
  const name = image.blocked ?? image.channelsFirst;
  if (image.rows !== undefined || name === undefined) return undefined;
  const node = graph.producer(name);
  return node?.type === 'Conv' ? node : undefined;
}
