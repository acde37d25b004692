import {
  formatPath,
  isClassNode,
  nodeAt,
  type ConfigNode,
  type ConfigPath,
  type Entry,
  type MapNode,
} from './node.ts';
import { throwProblems, type ConfigProblem } from './problems.ts';

const whole = /^\$\{([^{}]+)\}$/;
const inside = /\$?\$\{([^{}]+)\}/g;

/**
 * Replaces `${model.init_args.hidden_dim}` by the value written there: as it is when the
 * reference is the whole value, as text inside other text. `$${...}` stays `${...}`.
 * @throws ConfigError ERR_CONFIG_REFERENCE for cycles and for places that hold nothing
 */
export function resolveReferences(root: MapNode): MapNode {
  const resolver = new Resolver(root);
  const resolved = resolver.resolve(root, []);
  throwProblems(resolver.problems);
  return resolved.kind === 'map' ? resolved : root;
}

/** The reverse for values that are written to be loaded again: `${...}` in text becomes `$${...}`. */
export function escapeReferences(root: MapNode): MapNode {
  return replaceTexts(root, (text) => text.replace(/\$\{[^{}]+\}/g, '$$$&')) as MapNode;
}

/** Takes `escapeReferences` back; nothing is followed. */
export function unescapeReferences(root: MapNode): MapNode {
  return replaceTexts(root, (text) => text.replace(/\$(\$\{[^{}]+\})/g, '$1')) as MapNode;
}

function replaceTexts(node: ConfigNode, replace: (text: string) => string): ConfigNode {
  if (node.kind === 'map') {
    const entries = [...node.entries].map(([key, entry]): [string, Entry] => [
      key,
      { ...entry, node: replaceTexts(entry.node, replace) },
    ]);
    return { ...node, entries: new Map(entries) };
  }
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => replaceTexts(item, replace)) };
  }
  if (node.kind === 'instance' || typeof node.value !== 'string') return node;
  return { ...node, value: replace(node.value) };
}

class Resolver {
  readonly problems: ConfigProblem[] = [];
  readonly #root: MapNode;
  readonly #open: string[] = [];

  constructor(root: MapNode) {
    this.#root = root;
  }

  resolve(node: ConfigNode, path: ConfigPath): ConfigNode {
    if (node.kind === 'map') {
      const entries = new Map<string, Entry>();
      for (const [key, entry] of node.entries) {
        entries.set(key, { ...entry, node: this.resolve(entry.node, [...path, key]) });
      }
      return { ...node, entries };
    }
    if (node.kind === 'list') {
      const items = node.items.map((item, index) => this.resolve(item, [...path, index]));
      return { ...node, items };
    }
    if (node.kind === 'instance' || typeof node.value !== 'string') return node;
    return node.value.includes('${') ? this.#substitute(node, node.value, path) : node;
  }

  #substitute(node: ConfigNode, text: string, path: ConfigPath): ConfigNode {
    const only = whole.exec(text);
    if (only !== null) return { ...this.#follow(only[1], node, path), origin: node.origin };
    const value = text.replace(inside, (match, reference: string) => {
      if (match.startsWith('$$')) return match.slice(1);
      const found = this.#follow(reference, node, path);
      if (found.kind === 'scalar') return String(found.value);
      this.#problem(node, path, `\${${reference}} is not a single value, so it cannot be in text`);
      return match;
    });
    return { kind: 'scalar', origin: node.origin, value };
  }

  #follow(reference: string, from: ConfigNode, path: ConfigPath): ConfigNode {
    const target = reference.trim();
    const here = formatPath(path);
    const found = this.#find(target.split('.'));
    if (found === undefined) {
      const hint = 'Only values that the configuration states can be referred to, not defaults';
      const near = this.#whatThereIs(target.split('.'));
      this.#problem(from, path, `\${${target}}: nothing is written there${near}. ${hint}`);
      return from;
    }
    if (this.#open.includes(here)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(here)), here].join(' -> ');
      this.#problem(from, path, `references go in a circle: ${cycle}`);
      return from;
    }
    this.#open.push(here);
    const resolved = this.resolve(found.node, found.path);
    this.#open.pop();
    return resolved;
  }

  #find(keys: readonly string[]): { node: ConfigNode; path: ConfigPath } | undefined {
    let path: string[] = [];
    for (const key of keys) {
      const node = nodeAt(this.#root, path);
      const short = isClassNode(node) && key !== 'class_path' && key !== 'init_args';
      path = short ? [...path, 'init_args', key] : [...path, key];
    }
    const node = nodeAt(this.#root, path);
    return node === undefined ? undefined : { node, path };
  }

  /** How far a reference could be followed, and the keys where that ends. */
  #whatThereIs(keys: readonly string[]): string {
    let [node, shown]: [ConfigNode, string] = [this.#root, 'the top'];
    for (let length = 1; length < keys.length; length++) {
      const found = this.#find(keys.slice(0, length));
      if (found === undefined) break;
      [node, shown] = [found.node, formatPath(found.path)];
    }
    const inside = isClassNode(node) ? node.entries.get('init_args')?.node : undefined;
    node = inside ?? node;
    if (node.kind !== 'map') return '';
    const names = [...node.entries]
      .slice(0, 12)
      .map(([name, { origin }]) =>
        origin.kind === 'file' ? `${name} (line ${String(origin.line)})` : name,
      );
    return `; ${shown} has ${names.join(', ')}`;
  }

  #problem(node: ConfigNode, path: ConfigPath, message: string): void {
    const key = formatPath(path);
    if (this.problems.some((known) => known.key === key)) return;
    this.problems.push({ code: 'ERR_CONFIG_REFERENCE', origin: node.origin, key, message });
  }
}
