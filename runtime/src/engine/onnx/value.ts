import type { ElementType } from './model.ts';

/**
 * A tensor inside a graph under construction. Its elements may exist in the tensor's own
 * order, with channels first or in blocks of channels (both rank 4 only), or in several of these;
 * the builder converts on demand, so that chains of image operations never move elements in
 * between.
 */
export class Value {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Name of the graph value in the tensor's own order. */
  rows: string | undefined;
  /** Name of the graph value as [batch, channels, height, width]. */
  channelsFirst: string | undefined;
  /**
   * Name of the graph value as [batch, channels / block, height, width, block], which the graph
   * itself declares as [batch, channels, height, width].
   */
  blocked: string | undefined;
  /** A smaller value that this one repeats by broadcasting, while nobody needs every element. */
  readonly repeated: Value | undefined;

  constructor(
    type: ElementType,
    shape: readonly number[],
    names: { rows?: string; channelsFirst?: string; blocked?: string; repeated?: Value },
  ) {
    this.type = type;
    this.shape = shape;
    this.rows = names.rows;
    this.channelsFirst = names.channelsFirst;
    this.blocked = names.blocked;
    this.repeated = names.repeated;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/**
 * Shape of an operation between two tensors under NumPy's broadcasting rule.
 *
 * @throws Error when some axis has different sizes and neither is 1
 */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const left = a[a.length - rank + axis] ?? 1;
    const right = b[b.length - rank + axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new Error(`Shapes [${a.join()}] and [${b.join()}] cannot be broadcast together.`);
    }
    shape[axis] = left === 1 ? right : left;
  }
  return shape;
}
