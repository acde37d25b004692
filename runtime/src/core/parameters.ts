import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.ts';
import { isPlainObject } from './json.ts';

/** A weight of a module under its stable name, `encoder.0.kernel`. */
export interface NamedParameter {
  readonly name: string;
  readonly variable: tf.Variable;
  /** False for buffers such as the moving averages of batch normalisation. */
  readonly trainable: boolean;
  /** Not trainable because the module was told to freeze it. */
  readonly frozen?: boolean;
  /** Class of the layer that holds it, `Dense`; `Variable` for one that a field holds. */
  readonly owner: string;
}

/** A tfjs-layers layer or model, seen by shape so that two copies of the package do not matter. */
export interface LayerLike {
  readonly weights: readonly { readonly originalName: string; readonly val: tf.Variable }[];
  readonly trainableWeights: readonly { readonly val: tf.Variable }[];
  readonly layers?: readonly LayerLike[];
  readonly built?: boolean;
  /** Of a layer that was given an `inputShape`. */
  readonly batchInputShape?: readonly (number | null)[];
  readonly name: string;
  build?(inputShape: readonly (number | null)[]): void;
  getClassName?(): string;
}

/** A layer whose weights do not exist yet; `field` is its name in the module. */
export class UnbuiltLayer extends UsageError {
  readonly layer: LayerLike;
  readonly field: string;

  constructor(layer: LayerLike, field: string) {
    super(
      'ERR_MODULE_UNBUILT',
      `Layer "${layer.name}" in field "${field}" has no weights yet. Give it (in a model: its first ` +
        `layer) an inputShape, or define exampleInput() so that the trainer can build it.`,
    );
    this.name = 'UsageError';
    this.layer = layer;
    this.field = field;
  }
}

/** A nested module: anything with `parameters()`. */
interface ModuleLike {
  parameters(): NamedParameter[];
}

/**
 * Collects the weights held by an object's fields: variables, layers, layer models, nested
 * modules, and arrays and plain objects of these. Names come from field names and positions,
 * never from tfjs's running numbers, so they are the same in every process.
 * @throws UnbuiltLayer (ERR_MODULE_UNBUILT) for a layer whose weights do not exist yet
 */
export function collectParameters(owner: object): NamedParameter[] {
  const found: NamedParameter[] = [];
  const seen = new Set<tf.Variable>();
  const add = (parameter: NamedParameter): void => {
    if (seen.has(parameter.variable)) return;
    seen.add(parameter.variable);
    found.push(parameter);
  };
  for (const [field, value] of Object.entries(owner)) visit(field, value, add);
  return found;
}

type Add = (parameter: NamedParameter) => void;

function visit(name: string, value: unknown, add: Add): void {
  if (value instanceof tf.Variable)
    add({ name, variable: value as tf.Variable, trainable: value.trainable, owner: 'Variable' });
  else if (value instanceof tf.Tensor) return;
  else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      visit(`${name}.${String(index)}`, item, add);
    });
  } else if (isLayerLike(value)) visitLayer(name, value, add);
  else if (isModuleLike(value)) {
    for (const inner of value.parameters()) {
      add({ ...inner, name: `${name}.${inner.name}` });
    }
  } else if (isPlainObject(value) && name !== 'hparams') {
    for (const [key, inner] of Object.entries(value)) visit(`${name}.${key}`, inner, add);
  }
}

function visitLayer(name: string, layer: LayerLike, add: Add): void {
  if (layer.layers !== undefined) {
    layer.layers.forEach((inner, index) => {
      visitLayer(`${name}.${String(index)}`, inner, add);
    });
    return;
  }
  if (layer.built === false) {
    if (hasNoWeights(layer)) return;
    throw new UnbuiltLayer(layer, name);
  }
  const trainable = new Set(layer.trainableWeights.map(({ val }) => val));
  const used = new Map<string, number>();
  for (const { originalName, val } of layer.weights) {
    const short = originalName.split('/').at(-1) ?? originalName;
    const count = used.get(short) ?? 0;
    used.set(short, count + 1);
    add({
      name: `${name}.${count === 0 ? short : `${short}_${String(count)}`}`,
      variable: val,
      trainable: trainable.has(val),
      owner: layer.getClassName?.() ?? layer.constructor.name,
    });
  }
}

/** True for layers (dropout, flatten) that leave `build` as the base class has it: no weights. */
function hasNoWeights(layer: LayerLike): boolean {
  let prototype: unknown = Object.getPrototypeOf(layer);
  while (typeof prototype === 'object' && prototype !== null) {
    if (Object.hasOwn(prototype, 'addWeight')) {
      return (prototype as { build?: unknown }).build === (layer as { build?: unknown }).build;
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return false;
}

export function isLayerLike(value: unknown): value is LayerLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'weights' in value &&
    'trainableWeights' in value &&
    Array.isArray(value.weights)
  );
}

function isModuleLike(value: unknown): value is ModuleLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'parameters' in value &&
    typeof value.parameters === 'function'
  );
}
