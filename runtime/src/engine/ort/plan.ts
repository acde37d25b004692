import type { Entry } from './entry.ts';
import type { GraphNode, Use } from './graphNode.ts';
import { operationKey } from './key.ts';

/** Which output of which node an entry gets its values from. */
export interface PlannedOutput {
  readonly node: number;
  readonly output: number;
  readonly entry: Entry;
}

/** Everything one run needs: the nodes in order, what they read, what must come out. */
export interface Plan {
  readonly nodes: readonly GraphNode[];
  /** Entries that hold values and are read, in the order of their first use. */
  readonly inputs: readonly Entry[];
  readonly outputs: readonly PlannedOutput[];
  /** Equal keys mean equal graphs up to the values of the inputs. */
  readonly key: string;
}

/** Plans the evaluation of what live tensors need; the rest of the pending nodes is dropped. */
export function planRun(pending: readonly GraphNode[]): Plan {
  const nodes = neededNodes(pending);
  const inputs: Entry[] = [];
  const indices = new Map<Entry, number>();
  let key = '';
  for (const [position, node] of nodes.entries()) {
    node.position = position;
    key += operationKey(node);
    for (const use of node.uses) {
      key += use === null ? '~' : useKey(use, inputs, indices);
    }
  }
  key += '|';
  for (const entry of inputs) key += `${entry.dtype}${entry.shape.join()};`;
  const outputs = liveOutputs(nodes);
  for (const { node, output } of outputs) key += `${node}.${output};`;
  return { nodes, inputs, outputs, key };
}

function neededNodes(pending: readonly GraphNode[]): GraphNode[] {
  const marked = new Set<GraphNode>();
  const kept: GraphNode[] = [];
  for (let index = pending.length - 1; index >= 0; index--) {
    const node = pending[index];
    if (!marked.has(node) && !node.outputs.some(isLive)) continue;
    kept.push(node);
    for (const use of node.uses) {
      if (use?.entry.node != null) marked.add(use.entry.node);
    }
  }
  return kept.reverse();
}

function isLive(entry: Entry): boolean {
  return entry.refCount > 0;
}

function useKey({ entry, shape }: Use, inputs: Entry[], indices: Map<Entry, number>): string {
  const view = viewKey(entry, shape);
  if (entry.node !== null) {
    return `#${entry.node.position}.${entry.node.outputs.indexOf(entry)}${view}`;
  }
  let index = indices.get(entry);
  if (index === undefined) {
    index = inputs.push(entry) - 1;
    indices.set(entry, index);
  }
  return `$${index}${view}`;
}

function viewKey(entry: Entry, shape: readonly number[]): string {
  if (entry.shape === shape) return '';
  const text = shape.join();
  return text === entry.shape.join() ? '' : `:${text}`;
}

function liveOutputs(nodes: readonly GraphNode[]): PlannedOutput[] {
  const outputs: PlannedOutput[] = [];
  for (const node of nodes) {
    for (const [output, entry] of node.outputs.entries()) {
      if (isLive(entry)) outputs.push({ node: node.position, output, entry });
    }
  }
  return outputs;
}
