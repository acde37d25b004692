/** Element types of graph values; `float64` and `int64` exist only inside graphs. */
export type ElementType = 'float32' | 'int32' | 'bool' | 'int64' | 'float64' | 'uint8';

/** Types that a model can declare: also one that nothing here computes with. */
export type DeclaredType = ElementType | 'bfloat16';

/** ONNX's numbers for element types. */
export const ELEMENT_CODE: Record<DeclaredType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  bfloat16: 16,
};

/** A node attribute; a plain number is an integer, floats are marked. */
export type Attribute =
  number | readonly number[] | string | { readonly float: number } | { readonly body: Body };

/** A graph inside a node, which the node runs once per element of a sequence. */
export interface Body {
  readonly nodes: readonly ModelNode[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Names of the enclosing graph that the body reads besides its inputs. */
  readonly captures: readonly string[];
}

export interface ModelNode {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant stored in the model. */
export interface Initializer {
  readonly name: string;
  readonly type: DeclaredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A named, typed input or output of the graph. */
export interface Port {
  readonly name: string;
  readonly type: DeclaredType;
  /** -1 for a size that each run decides. */
  readonly shape: readonly number[];
}

export interface Model {
  readonly nodes: readonly ModelNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}
