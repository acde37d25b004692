import { createHash } from 'node:crypto';
import type { Initializer, Model, ModelNode, Port } from './model.ts';

/** A graph for every shape that its models have been seen with, and those like them. */
export interface ShapeFreeGraph {
  /** With an input for each constant that depends on the shapes, and -1 for sizes that change. */
  readonly model: Model;
  readonly parameters: readonly Parameter[];
}

/** A constant of the models that became an input. */
interface Parameter {
  readonly name: string;
  /** Where the nodes read it: index of the node and of its input. */
  readonly readers: readonly (readonly [node: number, input: number])[];
}

/**
 * The same text for models that differ in nothing but the sizes of inputs and outputs and in the
 * values of constants. Names do not matter: a constant of two uses for one shape may be two
 * constants for the next.
 */
export function structureOf(model: Model): string {
  const constants = new Set(model.initializers.map(({ name }) => name));
  const numbers = new Map<string, string>();
  const known = (name: string): string => {
    if (name === '' || constants.has(name)) return name === '' ? '' : 'constant';
    let number = numbers.get(name);
    if (number === undefined) numbers.set(name, (number = String(numbers.size)));
    return number;
  };
  const hash = createHash('sha256');
  for (const { name, type, shape } of model.inputs) hash.update(`${name}:${type}${shape.length};`);
  for (const { domain, type, inputs, outputs, attributes } of model.nodes) {
    const wiring = `${inputs.map(known).join()}>${outputs.map(known).join()}`;
    hash.update(`${domain}.${type}(${wiring})${JSON.stringify(attributes, withoutSizes)};`);
  }
  return hash.digest('hex');
}

/** Ports inside a node's body have a number of axes, but no sizes. */
function withoutSizes(key: string, value: unknown): unknown {
  return key === 'shape' && Array.isArray(value) ? value.length : value;
}

/**
 * One graph in place of models of the same structure: constants in which they differ become
 * inputs. Null where a constant differs that only a node's body reads.
 */
export function withoutShapes(models: readonly Model[]): ShapeFreeGraph | null {
  const [base] = models;
  const tables = models.map(tableOf);
  const groups = new Map<string, { name: string; readers: [number, number][] }>();
  const nodes: ModelNode[] = [];
  for (const [index, node] of base.nodes.entries()) {
    if (bodyConstantsDiffer(models, tables, index)) return null;
    const inputs = node.inputs.map((name, input) => {
      const used = tables.map((table, model) =>
        table.get(models[model].nodes[index].inputs[input]),
      );
      const constants = used.filter((item) => item !== undefined);
      if (constants.length < used.length) return name;
      if (constants.every((item) => isSame(item, constants[0]))) return name;
      const key = constants.map((item) => item.name).join();
      const group = groups.get(key) ?? { name: `p${groups.size}`, readers: [] };
      groups.set(key, group);
      group.readers.push([index, input]);
      return group.name;
    });
    const attributes = joinedBody(models.map((model) => model.nodes[index]));
    nodes.push({ ...node, inputs, attributes });
  }
  const parameters = [...groups.values()];
  const ports = parameters.map(({ name, readers }) => {
    const [[node, input]] = readers;
    const constants = models.map((model, at) => tables[at].get(model.nodes[node].inputs[input]));
    return joined(
      constants.filter((item) => item !== undefined).map((item) => ({ ...item, name })),
    );
  });
  if (ports.includes(null)) return null;
  const model: Model = {
    nodes,
    initializers: stillUsed(base, nodes),
    inputs: [...joinedPorts(models, 'inputs'), ...(ports as Port[])],
    outputs: joinedPorts(models, 'outputs'),
  };
  return { model, parameters };
}

/**
 * The values of the graph's parameters for a model of the same structure; null when the model
 * differs in a constant that is no parameter yet, or holds two constants where the graph has one.
 */
export function parametersFor(
  graph: ShapeFreeGraph,
  model: Model,
): ReadonlyMap<string, Initializer> | null {
  const own = tableOf(graph.model);
  const table = tableOf(model);
  const names = new Set(graph.parameters.map(({ name }) => name));
  const values = new Map<string, Initializer>();
  for (const [index, { inputs }] of graph.model.nodes.entries()) {
    for (const [input, name] of inputs.entries()) {
      const constant = table.get(model.nodes[index].inputs[input]);
      if (constant === undefined) continue;
      const expected = names.has(name) ? (values.get(name) ?? constant) : own.get(name);
      if (expected === undefined || !isSame(expected, constant)) return null;
      if (names.has(name)) values.set(name, constant);
    }
  }
  return values;
}

type Table = ReadonlyMap<string, Initializer>;

function tableOf({ initializers }: Model): Table {
  return new Map(initializers.map((item) => [item.name, item]));
}

function isSame(a: Initializer, b: Initializer): boolean {
  if (a === b) return true;
  return a.type === b.type && a.shape.join() === b.shape.join() && sameBytes(a.bytes, b.bytes);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function bodyConstantsDiffer(
  models: readonly Model[],
  tables: readonly Table[],
  index: number,
): boolean {
  const captured = models.map(({ nodes }, model) =>
    capturesOf(nodes[index]).flatMap((name) => tables[model].get(name) ?? []),
  );
  const [first] = captured;
  return captured.some((items) => items.some((item, at) => !isSame(item, first[at])));
}

function capturesOf({ attributes: { body } }: ModelNode): readonly string[] {
  return typeof body === 'object' && 'body' in body ? body.body.captures : [];
}

function stillUsed(base: Model, nodes: readonly ModelNode[]): Initializer[] {
  const names = new Set(nodes.flatMap((node) => [...node.inputs, ...capturesOf(node)]));
  for (const { name } of base.outputs) names.add(name);
  return base.initializers.filter(({ name }) => names.has(name));
}

function joinedBody(nodes: readonly ModelNode[]): ModelNode['attributes'] {
  const [{ attributes }] = nodes;
  const bodies = nodes.flatMap(({ attributes: { body } }) =>
    typeof body === 'object' && 'body' in body ? [body.body] : [],
  );
  if (bodies.length === 0) return attributes;
  const [first] = bodies;
  const inputs = joinedPorts(bodies, 'inputs');
  const body = { ...first, inputs, outputs: joinedPorts(bodies, 'outputs') };
  return { ...attributes, body: { body } };
}

function joinedPorts(
  graphs: readonly Pick<Model, 'inputs' | 'outputs'>[],
  side: 'inputs' | 'outputs',
): Port[] {
  return graphs[0][side].map((port, index) => {
    const result = joined(graphs.map((graph) => graph[side][index]));
    return result ?? port;
  });
}

/** One port for all: sizes in which they differ are -1. Null when the number of axes differs. */
function joined(ports: readonly Port[]): Port | null {
  const [{ name, type, shape }] = ports;
  if (ports.some((port) => port.shape.length !== shape.length || port.type !== type)) return null;
  const sizes = shape.map((size, axis) =>
    ports.every((port) => port.shape[axis] === size) ? size : -1,
  );
  return { name, type, shape: sizes };
}
