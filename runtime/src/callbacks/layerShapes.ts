import * as tf from '@tensorflow/tfjs-core';
import { isPlainObject } from '../core/json.ts';
import { isLayerLike, type LayerLike } from '../core/parameters.ts';
import { TrainModule } from '../core/trainModule.ts';

/** A layer or module that took part in a forward pass, or could have. */
export interface ObservedLayer {
  /** Stable name, as that of its weights: `encoder.0`. */
  readonly name: string;
  /** Class: `Dense`. */
  readonly type: string;
  /** Whether it holds others: they have entries of their own. */
  readonly isModule: boolean;
  /** Shapes of its first call, `[1, 3]`; null when it was not called. */
  input: string | null;
  output: string | null;
}

/**
 * Runs `forward` and notes what each layer and each module inside `module` gets and gives.
 * @returns in the order of the fields
 */
export function observeLayers(module: TrainModule, forward: () => void): ObservedLayer[] {
  const found: ObservedLayer[] = [];
  const undo: (() => void)[] = [];
  const seen = new Set<object>();
  const watch: Watch = (owner, method, layer) => {
    if (seen.has(owner)) return false;
    seen.add(owner);
    found.push(layer);
    undo.push(noteCalls(owner, method, layer));
    return true;
  };
  try {
    for (const [field, value] of Object.entries(module)) visit(field, value, watch);
    forward();
  } finally {
    for (const restore of undo) restore();
  }
  return found;
}

type Watch = (owner: object, method: 'apply' | 'forward', layer: ObservedLayer) => boolean;

function visit(name: string, value: unknown, watch: Watch): void {
  if (value instanceof tf.Tensor) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      visit(`${name}.${String(index)}`, item, watch);
    });
  } else if (isLayerLike(value)) visitLayer(name, value, watch);
  else if (value instanceof TrainModule) {
    const isNew = watch(value, 'forward', entry(name, value.constructor.name, true));
    if (!isNew) return;
    for (const [field, inner] of Object.entries(value)) visit(`${name}.${field}`, inner, watch);
  } else if (isPlainObject(value) && name !== 'hparams') {
    for (const [key, inner] of Object.entries(value)) visit(`${name}.${key}`, inner, watch);
  }
}

function visitLayer(name: string, layer: LayerLike, watch: Watch): void {
  const type = layer.getClassName?.() ?? layer.constructor.name;
  if (layer.layers === undefined) {
    if (type !== 'InputLayer') watch(layer, 'apply', entry(name, type, false));
    return;
  }
  layer.layers.forEach((inner, index) => {
    visitLayer(`${name}.${String(index)}`, inner, watch);
  });
}

function entry(name: string, type: string, isModule: boolean): ObservedLayer {
  return { name, type, isModule, input: null, output: null };
}

/** Until it is undone, the first call of `owner[method]` is noted. */
function noteCalls(owner: object, method: string, layer: ObservedLayer): () => void {
  const callable = owner as Record<string, (...args: unknown[]) => unknown>;
  const original = callable[method];
  const own = Object.getOwnPropertyDescriptor(owner, method);
  const noted = (...args: unknown[]): unknown => {
    const output = original.apply(owner, args);
    layer.input ??= shapesOf(args[0]);
    layer.output ??= shapesOf(output);
    return output;
  };
  Object.defineProperty(owner, method, { value: noted, configurable: true, writable: true });
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, method);
    else Object.defineProperty(owner, method, own);
  };
}

/** Shapes of tensors in any nesting, `[1, 3] [1, 4]`; the type's name for anything else. */
export function shapesOf(value: unknown): string {
  if (value instanceof tf.Tensor) return `[${(value as tf.Tensor).shape.join(', ')}]`;
  if (Array.isArray(value)) return value.map(shapesOf).join(' ');
  if (isPlainObject(value)) {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${shapesOf(inner)}`)
      .join(', ');
  }
  return typeof value;
}
