import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { canFuseRecurrence, recurrence } from '../../engine/index.ts';
import { quickOrthogonal } from './orthogonal.ts';

type LstmArgs = Parameters<typeof tfl.layers.lstm>[0];
type GruArgs = Parameters<typeof tfl.layers.gru>[0];
type SimpleRnnArgs = Parameters<typeof tfl.layers.simpleRNN>[0];

type CellLayer = ReturnType<
  typeof tfl.layers.lstmCell | typeof tfl.layers.gruCell | typeof tfl.layers.simpleRNNCell
>;

interface CallOptions {
  readonly training?: boolean;
  readonly mask?: tf.Tensor | null;
  readonly initialState?: tf.Tensor[] | null;
}

/**
 * A recurrent layer of tfjs-layers whose steps are one operation on the `ort` back end. What that
 * operation does not know (masks, dropout of the recurrent state while training, other
 * activations) and other back ends go through tfjs-layers' own steps, one by one.
 */
abstract class RecurrentLayer extends tfl.RNN {
  protected abstract readonly network: 'lstm' | 'gru' | 'simple';

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    super.build(inputShape);
    // Otherwise a layer built by hand would be built again by its first call.
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options?: CallOptions): tf.Tensor | tf.Tensor[] {
    const [input] = [inputs].flat();
    return tf.tidy(() =>
      canFuseRecurrence(input) && this.#canFuse(options)
        ? this.#fused(input, options)
        : this.#unrolled(inputs, options),
    );
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(config);
  }

  get #cell(): CellLayer {
    return this.cell as CellLayer;
  }

  #canFuse({ mask, training = false }: CallOptions = {}): boolean {
    const cell = this.#cell;
    const gate = 'recurrentActivation' in cell ? cell.recurrentActivation : undefined;
    return (
      (mask === undefined || mask === null) &&
      (!training || cell.recurrentDropout === 0) &&
      cell.activation.getClassName() === 'tanh' &&
      (gate === undefined || gate.getClassName() === 'sigmoid')
    );
  }

  #fused(input: tf.Tensor, { training = false, initialState }: CallOptions = {}): tf.Tensor[] {
    const cell = this.#cell;
    const { returnSequences, returnState, goBackwards } = this;
    const start = initialState ?? (this.stateful ? this.states : []);
    const x = tf.cast(input, 'float32');
    const [output, ...states] = recurrence(
      {
        x: training && cell.dropout > 0 ? dropFeatures(x, cell.dropout) : x,
        kernel: cell.kernel.read(),
        recurrent: cell.recurrentKernel.read(),
        ...(cell.useBias ? { bias: cell.bias.read() } : {}),
        states: start,
      },
      {
        cell: this.network,
        goBackwards,
        returnSequences,
        returnState: returnState || this.stateful,
      },
    );
    if (this.stateful) this.resetStates(states, training);
    return returnState ? [output, ...states] : [output];
  }

  #unrolled(inputs: tf.Tensor | tf.Tensor[], options: CallOptions = {}): tf.Tensor | tf.Tensor[] {
    // The cells of tfjs-layers keep the masks of one sequence until somebody takes them away.
    const masks = this.#cell as { dropoutMask: Masks; recurrentDropoutMask: Masks };
    for (const name of ['dropoutMask', 'recurrentDropoutMask'] as const) {
      if (masks[name] !== null) tf.dispose(masks[name]);
      masks[name] = null;
    }
    return super.call(inputs, { ...options });
  }
}

type Masks = tf.Tensor | tf.Tensor[] | null;

/** The same features are dropped at every step. */
function dropFeatures(x: tf.Tensor, rate: number): tf.Tensor {
  const [batch, , features] = x.shape;
  return tf.mul(x, tf.dropout(tf.ones([batch, 1, features]), rate));
}

class Lstm extends RecurrentLayer {
  static override className = 'LightboxLSTM';
  protected override readonly network = 'lstm';

  constructor(args: LstmArgs) {
    const options = { recurrentActivation: 'sigmoid' as const, ...withInitializer(args) };
    super({ ...options, cell: tfl.layers.lstmCell(options) });
  }
}

class Gru extends RecurrentLayer {
  static override className = 'LightboxGRU';
  protected override readonly network = 'gru';

  constructor(args: GruArgs) {
    const options = { recurrentActivation: 'sigmoid' as const, ...withInitializer(args) };
    super({ ...options, cell: tfl.layers.gruCell(options) });
  }
}

class SimpleRnn extends RecurrentLayer {
  static override className = 'LightboxSimpleRNN';
  protected override readonly network = 'simple';

  constructor(args: SimpleRnnArgs) {
    const options = withInitializer(args);
    super({ ...options, cell: tfl.layers.simpleRNNCell(options) });
  }
}

function withInitializer<Args extends SimpleRnnArgs>(args: Args): Args {
  const { recurrentInitializer = 'orthogonal' } = args;
  return recurrentInitializer === 'orthogonal'
    ? { ...args, recurrentInitializer: quickOrthogonal() }
    : args;
}

for (const layer of [Lstm, Gru, SimpleRnn]) tf.serialization.registerClass(layer);

/**
 * A long short-term memory layer, [batch, time, features] to [batch, units], or to
 * [batch, time, units] with `returnSequences`. With `returnState` it gives a list: the output, the
 * last hidden state and the last cell state, [batch, units] each.
 *
 * Options, weights (`kernel` [features, 4 units], `recurrent_kernel` [units, 4 units], `bias`
 * [4 units]; gates in the order input, forget, cell, output) and default initializers are those of
 * `tf.layers.lstm`, so that weights can be exchanged. Two differences: `recurrentActivation` is
 * `sigmoid` unless told otherwise, as in PyTorch and Keras 2 (tfjs-layers: `hardSigmoid`), and on
 * the `ort` back end all steps are one operation with its own gradient, many times faster. That
 * operation has first-order gradients only; with a mask, with `recurrentDropout` while training, or
 * with activations other than `tanh` and `sigmoid`, and on other back ends, the layer computes
 * step by step as tfjs-layers does: right, but slow.
 *
 * `goBackwards` goes through the time from its end and gives outputs in that order. An initial
 * state is given as `layer.apply(x, { initialState: [h, c] })`; `stateful` continues each batch
 * from the states of the one before, until `resetStates()`.
 *
 * @throws an error of tfjs-layers when `units` is no positive integer or the input is not
 * [batch, time, features]
 */
export function lstm(args: LstmArgs): tfl.RNN {
  return new Lstm(args);
}

/**
 * A gated recurrent unit layer: like `lstm`, with one state. Weights are those of `tf.layers.gru`
 * (`kernel` [features, 3 units], gates in the order update, reset, new; the reset gate is applied
 * before the product, so not PyTorch's variant, which Keras calls `resetAfter`).
 * `recurrentActivation` is `sigmoid` unless told otherwise.
 */
export function gru(args: GruArgs): tfl.RNN {
  return new Gru(args);
}

/** The plain recurrent layer: like `lstm`, with one state and no gates; see `tf.layers.simpleRNN`. */
export function simpleRnn(args: SimpleRnnArgs): tfl.RNN {
  return new SimpleRnn(args);
}
