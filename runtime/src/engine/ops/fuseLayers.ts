import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { hasKernel } from './fusedKernel.ts';
import { gelu } from './gelu.ts';
import { layerNorm } from './layerNorm.ts';

/**
 * Lets tfjs-layers' own layer normalisation (over the last axis) and its activations `gelu` and
 * `gelu_new` use this runtime's operations where the back end has kernels for them; repeatable.
 */
export function fuseLayers(): void {
  const layer = prototypeOf('LayerNormalization') as NormLayer;
  const plain = plainCalls.get(layer) ?? layer.call;
  plainCalls.set(layer, plain);
  layer.call = function (inputs, options) {
    const [input] = [inputs].flat();
    return canFuse(this, input)
      ? tf.tidy(() => fused(this, input))
      : plain.call(this, inputs, options);
  };
  (prototypeOf('gelu') as Activation).apply = (x) => tf.tidy(() => gelu(x));
  (prototypeOf('gelu_new') as Activation).apply = (x) => tf.tidy(() => gelu(x, 'tanh'));
}

interface Activation {
  apply(x: tf.Tensor): tf.Tensor;
}

interface Weight {
  read(): tf.Tensor;
}

type Call = (
  this: NormLayer,
  inputs: tf.Tensor | tf.Tensor[],
  options: unknown,
) => tf.Tensor | tf.Tensor[];

/** What tfjs-layers' class has inside. */
interface NormLayer {
  readonly axis: number | number[];
  readonly epsilon: number;
  /** Null without scale. */
  readonly gamma: Weight | null;
  /** Null without centre; tfjs's own code then has no gradient. */
  readonly beta: Weight | null;
  call: Call;
}

const plainCalls = new WeakMap<NormLayer, Call>();

function canFuse({ axis }: NormLayer, input: tf.Tensor): boolean {
  const [first, ...more] = [axis].flat();
  const last = more.length === 0 && (first === -1 || first === input.rank - 1);
  return last && input.dtype === 'float32' && hasKernel('LayerNorm');
}

function fused({ gamma, beta, epsilon }: NormLayer, input: tf.Tensor): tf.Tensor {
  const width = input.shape[input.rank - 1];
  const scale = gamma?.read() ?? tf.ones([width]);
  return layerNorm(input, scale, beta?.read() ?? tf.zeros([width]), epsilon);
}

/** tfjs-layers does not export these classes, but registers them by name. */
function prototypeOf(className: string): unknown {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  return classNameMap[className][0].prototype;
}
