import type { z } from 'zod';
import { isPlainObject } from '../core/json.ts';
import { didYouMean } from '../errors.ts';
import { replacedClassKey } from './replacedKeys.ts';
import { checkValue } from './checkValue.ts';
import { constructClass } from './constructClass.ts';
import { loadClass, type ClassSource, type ConstructibleClass } from './loadClass.ts';
import { toCamel } from './names.ts';
import {
  emptyMap,
  formatPath,
  isClassNode,
  type ConfigNode,
  type ConfigPath,
  type MapNode,
} from './node.ts';
import type { ConfigProblem } from './problems.ts';
import { shapeValue, type ShapeContext } from './shapeValue.ts';

/** The classes that a configuration names: loaded once, then checked, then constructed. */
export class ClassTable {
  readonly problems: ConfigProblem[] = [];
  readonly #source: ClassSource;
  readonly #types = new Map<string, ConstructibleClass>();
  readonly #failed = new Set<string>();

  constructor(source: ClassSource) {
    this.#source = source;
  }

  /** Loads every class named in `node`. @param area the registry's area for short names here */
  async load(node: ConfigNode, path: ConfigPath, area?: string): Promise<void> {
    if (node.kind === 'list') {
      for (const [index, item] of node.items.entries()) {
        await this.load(item, [...path, index], area);
      }
    }
    if (node.kind !== 'map') return;
    if (isClassNode(node)) await this.#loadOne(node, path, area);
    for (const [key, entry] of node.entries) await this.load(entry.node, [...path, key]);
  }

  /** Gives a class from code to a section that does not name one. */
  define(key: string, type: ConstructibleClass): void {
    this.#types.set(key, type);
  }

  typeOf(node: MapNode): ConstructibleClass | undefined {
    return this.#types.get(classPathOf(node));
  }

  /** Every class that was loaded, by its path as written. */
  get types(): ReadonlyMap<string, ConstructibleClass> {
    return this.#types;
  }

  /** Reports everything that is wrong with the arguments of a class and of those inside it. */
  check(node: MapNode, path: ConfigPath): void {
    for (const [key, entry] of node.entries) {
      if (key === 'class_path' || key === 'init_args') continue;
      this.#report('ERR_CONFIG_UNKNOWN_KEY', entry, [...path, key], wrongLevel(key));
    }
    const type = this.typeOf(node);
    if (type === undefined) return;
    const context: ShapeContext = {
      problems: this.problems,
      standIns: true,
      instance: (inner, at) => this.#standIn(inner, at),
      replacement: (key) => replacedClassKey(type.name, key),
    };
    this.#arguments(node, type, path, context);
  }

  /** Constructs a checked class, those in its arguments first. */
  construct(node: MapNode, path: ConfigPath, problems: ConfigProblem[]): object | undefined {
    const type = this.typeOf(node);
    if (type === undefined) return undefined;
    const before = problems.length;
    const options = this.#arguments(node, type, path, {
      problems,
      instance: (inner, at) => this.construct(inner, at, problems),
    });
    if (problems.length > before) return undefined;
    return constructClass(type, frozen(options), { node, path }, problems);
  }

  schemaOf(node: MapNode): z.ZodType | undefined {
    return this.typeOf(node)?.schema;
  }

  #arguments(
    node: MapNode,
    type: ConstructibleClass,
    path: ConfigPath,
    context: ShapeContext,
  ): unknown {
    const written = node.entries.get('init_args')?.node;
    const nothing = written === undefined || (written.kind === 'scalar' && written.value === null);
    const args = nothing ? emptyMap(node.origin) : written;
    const at = [...path, 'init_args'];
    if (type.schema !== undefined) return checkValue(args, type.schema, at, context);
    const plain = shapeValue(args, undefined, at, context);
    if (typeof plain !== 'object' || plain === null) return plain;
    return Object.fromEntries(Object.entries(plain).map(([key, value]) => [toCamel(key), value]));
  }

  #standIn(node: MapNode, path: ConfigPath): object {
    this.check(node, path);
    const prototype = this.typeOf(node)?.prototype as object | undefined;
    return Object.create(prototype ?? null) as object;
  }

  async #loadOne(node: MapNode, path: ConfigPath, area?: string): Promise<void> {
    const written = node.entries.get('class_path');
    const classPath = classPathOf(node);
    if (written === undefined || this.#types.has(classPath)) return;
    if (written.node.kind !== 'scalar' || typeof written.node.value !== 'string') {
      const message = 'expected a class path, such as "lightbox.callbacks.EarlyStopping"';
      this.#report('ERR_CONFIG_TYPE', written.node, [...path, 'class_path'], message);
      return;
    }
    const loaded = await loadClass(classPath, this.#source, area);
    if ('type' in loaded) this.#types.set(classPath, loaded.type);
    else if (!this.#failed.has(formatPath(path))) {
      this.#failed.add(formatPath(path));
      this.#report('ERR_CONFIG_CLASS', written.node, [...path, 'class_path'], loaded.problem);
    }
  }

  #report(
    code: string,
    { origin }: { origin: ConfigNode['origin'] },
    path: ConfigPath,
    message: string,
  ): void {
    this.problems.push({ code, origin, key: formatPath(path), message });
  }
}

/** The class path of a node as text; for messages its last part is the class's name. */
export function classPathOf(node: MapNode): string {
  const written = node.entries.get('class_path')?.node;
  return written?.kind === 'scalar' ? String(written.value) : '';
}

/**
 * Freezes plain data, not the objects of classes in it: a module that changed its options would be
 * another one than its checkpoint says.
 */
function frozen(value: unknown): unknown {
  if (Array.isArray(value)) value.forEach(frozen);
  else if (isPlainObject(value)) Object.values(value).forEach(frozen);
  else return value;
  return Object.freeze(value);
}

function wrongLevel(key: string): string {
  const near = didYouMean(key, ['class_path', 'init_args']);
  if (near !== '') return `unknown key beside class_path.${near}`;
  return `unknown key beside class_path; the options of a class are below init_args (init_args.${key})`;
}
