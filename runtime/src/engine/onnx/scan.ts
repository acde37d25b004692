import type { GraphBuilder } from './graphBuilder.ts';
import type { Attribute, ModelNode } from './model.ts';
import { Value } from './value.ts';

/** A float32 sequence [length, ...]; `reverse` takes it from its end, or fills it from there. */
interface ScanSequence {
  readonly value: Value;
  readonly reverse: boolean;
}

/** What the body of a scan gives for one element; names of the body. */
interface ScanStep {
  readonly states: readonly string[];
  readonly sequences: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly reverse: boolean;
  }[];
}

/** Adds a node with one output to the body; inputs may also be names of the enclosing graph. */
export type BodyOp = (
  type: string,
  inputs: readonly string[],
  attributes?: Readonly<Record<string, Attribute>>,
) => string;

/**
 * One node that goes through sequences element by element: its session is created a hundred
 * times sooner than that of the same nodes repeated for each element, and runs as fast.
 *
 * @param step adds the nodes for one element of each of `inputs`
 * @returns the last states, and the sequences that the steps gave
 */
export function scan(
  graph: GraphBuilder,
  states: readonly Value[],
  inputs: readonly ScanSequence[],
  step: (op: BodyOp, states: readonly string[], elements: readonly string[]) => ScanStep,
): { states: Value[]; sequences: Value[] } {
  const shapes = [...states.map(({ shape }) => shape), ...inputs.map(elementShape)];
  const ports = shapes.map((shape, index) => ({ name: `e${index}`, type: FLOAT, shape }));
  const names = ports.map(({ name }) => name);
  const { nodes, op } = bodyNodes();
  const given = step(op, names.slice(0, states.length), names.slice(states.length));
  // A body may not give a value twice, nor one of its inputs.
  const ends = [...given.states, ...given.sequences.map(({ name }) => name)];
  const outputs = ends.map((name, index) => ({
    name: ends.indexOf(name) === index && !names.includes(name) ? name : op('Identity', [name]),
    type: FLOAT,
    shape: index < states.length ? shapes[index] : given.sequences[index - states.length].shape,
  }));
  const made = new Set([...names, ...nodes.flatMap((node) => node.outputs)]);
  const captures = nodes.flatMap((node) => node.inputs).filter((name) => !made.has(name));
  const results = graph.raw(
    'Scan',
    [...states, ...inputs.map(({ value }) => value)].map((value) => graph.rows(value)),
    {
      num_scan_inputs: inputs.length,
      scan_input_directions: inputs.map(({ reverse }) => Number(reverse)),
      scan_output_directions: given.sequences.map(({ reverse }) => Number(reverse)),
      body: { body: { nodes, inputs: ports, outputs, captures: [...new Set(captures)] } },
    },
    { outputs: outputs.length },
  );
  const length = inputs[0].value.shape[0];
  return {
    states: states.map(({ shape }, index) => new Value(FLOAT, shape, { rows: results[index] })),
    sequences: given.sequences.map(
      ({ shape }, index) =>
        new Value(FLOAT, [length, ...shape], { rows: results[states.length + index] }),
    ),
  };
}

const FLOAT = 'float32' as const;

function elementShape({ value }: ScanSequence): readonly number[] {
  return value.shape.slice(1);
}

function bodyNodes(): { nodes: ModelNode[]; op: BodyOp } {
  const nodes: ModelNode[] = [];
  const op: BodyOp = (type, inputs, attributes = {}) => {
    const name = `b${nodes.length}`;
    nodes.push({ type, domain: '', inputs, outputs: [name], attributes });
    return name;
  };
  return { nodes, op };
}
