import type { JsonObject } from '../core/json.ts';
import { trainerOptionsSchema } from '../trainer/trainerOptions.ts';
import { addDefaults } from './addDefaults.ts';
import { checkValue } from './checkValue.ts';
import { ClassTable } from './classTable.ts';
import { keyedClasses, mistypedClassPath, type KeyedClass } from './keyedClasses.ts';
import type { ClassSource, ConstructibleClass } from './loadClass.ts';
import {
  defaultOrigin,
  emptyMap,
  fromPlain,
  isClassNode,
  nodeAt,
  toPlain,
  withEntry,
  withoutEntry,
  type ConfigNode,
  type MapNode,
} from './node.ts';
import { throwProblems, type ConfigProblem } from './problems.ts';
import { replacedTopKey, replacedTrainerKey } from './replacedKeys.ts';
import { checkTopLevel } from './checkTopLevel.ts';
import { withWholeShares } from './wholeShares.ts';

export interface PrepareOptions extends ClassSource {
  /** The module's class when the configuration need not name one. */
  readonly module?: ConstructibleClass;
  readonly dataModule?: ConstructibleClass;
  /** Lets the configuration name a class derived from `module`; otherwise it is `module` itself. */
  readonly subclassModeModel?: boolean;
  readonly subclassModeData?: boolean;
  /** What `seed_everything` is when nobody writes it; default 42. */
  readonly seedDefault?: number | boolean;
  /** Draws a seed for `seed_everything: true`. */
  readonly drawSeed: () => number;
}

/** A configuration that was checked as a whole: every class found, every value of the right type. */
export interface PreparedConfig {
  /** Everything in effect, defaults included, with origins. */
  readonly tree: MapNode;
  /** The same as frozen plain data, keys in snake_case. */
  readonly values: JsonObject;
  readonly seed: number;
  readonly ckptPath: string | null;
  readonly classes: ClassTable;
  /** The model's and the data module's class with arguments; absent when not configured. */
  readonly modules: Readonly<Partial<Record<'model' | 'data', MapNode>>>;
  readonly callbacks: readonly KeyedClass[];
  /** True or false when no class is named. */
  readonly loggers: readonly KeyedClass[] | boolean;
}

/** Trainer options as a configuration has them: the seed is `seed_everything`. */
export const trainerSection = trainerOptionsSchema.omit({ seed: true });

const moduleKeys = ['model', 'data'] as const;

/**
 * Loads the classes that a configuration names, checks all of it and fills in defaults.
 * @throws ConfigError with every problem at once
 */
export async function prepareConfig(
  written: MapNode,
  options: PrepareOptions,
): Promise<PreparedConfig> {
  const classes = new ClassTable(options);
  const { problems } = classes;
  let tree = withSeed(checkTopLevel(written, problems, replacedTopKey), options);
  tree = nameGivenClasses(tree, options, classes);
  const trainer = withWholeShares(section(tree, 'trainer'));
  const callbacks = keyedSection(trainer, 'callbacks', problems);
  const loggers = keyedSection(trainer, 'logger', problems);
  for (const key of moduleKeys) {
    const node = nodeAt(tree, [key]);
    if (node !== undefined) await classes.load(node, [key]);
  }
  checkGivenClasses(tree, options, classes);
  for (const { node, path } of callbacks.classes) await classes.load(node, path, 'callbacks');
  for (const { node, path } of loggers.classes) await classes.load(node, path, 'loggers');
  checkTrainer(trainer, problems);
  checkClasses([...callbacks.classes, ...loggers.classes], classes);
  for (const key of moduleKeys) checkModule(nodeAt(tree, [key]), key, classes);
  throwProblems(problems);
  return finish(tree, { trainer, callbacks, loggers, classes });
}

interface Parts {
  readonly trainer: MapNode;
  readonly callbacks: KeyedSection;
  readonly loggers: KeyedSection;
  readonly classes: ClassTable;
}

function finish(tree: MapNode, { trainer, callbacks, loggers, classes }: Parts): PreparedConfig {
  const schemaOf = (node: MapNode) => classes.schemaOf(node);
  const modules: Partial<Record<'model' | 'data', MapNode>> = {};
  let complete = tree;
  for (const key of moduleKeys) {
    const entry = complete.entries.get(key);
    if (entry?.node.kind !== 'map') continue;
    const node = addDefaults(entry.node, undefined, schemaOf) as MapNode;
    modules[key] = node;
    complete = withEntry(complete, key, { ...entry, node });
  }
  const full = addDefaults(trainer, trainerSection, schemaOf);
  complete = withEntry(complete, 'trainer', { origin: trainer.origin, node: full });
  const shown = withoutGivenNames(complete);
  const ckptPath = nodeAt(complete, ['ckpt_path']);
  return {
    tree: shown,
    values: toPlain(shown) as JsonObject,
    seed: Number(scalar(nodeAt(complete, ['seed_everything']))),
    ckptPath: typeof scalar(ckptPath) === 'string' ? String(scalar(ckptPath)) : null,
    classes,
    modules,
    callbacks: callbacks.classes,
    loggers: loggers.flag ?? loggers.classes,
  };
}

function withSeed(tree: MapNode, options: PrepareOptions): MapNode {
  const entry = tree.entries.get('seed_everything');
  const written = scalar(entry?.node);
  if (typeof written === 'number') return tree;
  const wanted = written ?? options.seedDefault ?? 42;
  const value = typeof wanted === 'number' ? wanted : options.drawSeed();
  const origin = entry?.node.origin ?? defaultOrigin;
  return withEntry(tree, 'seed_everything', { origin, node: fromPlain(value, origin) });
}

/** Names that stand in the tree for classes given in code; taken out again before it is shown. */
const givenName = (key: string): string => `<${key} given in code>`;

function nameGivenClasses(
  tree: MapNode,
  { module, dataModule }: PrepareOptions,
  classes: ClassTable,
): MapNode {
  let result = tree;
  for (const [key, type] of [['model', module] as const, ['data', dataModule] as const]) {
    const entry = result.entries.get(key);
    const node = entry?.node.kind === 'map' ? entry.node : emptyMap(defaultOrigin);
    if (type === undefined || isClassNode(node)) continue;
    classes.define(givenName(key), type);
    const name = { origin: defaultOrigin, node: fromPlain(givenName(key), defaultOrigin) };
    const named = { ...node, entries: new Map([['class_path', name], ...node.entries]) };
    result = withEntry(result, key, { origin: entry?.origin ?? defaultOrigin, node: named });
  }
  return result;
}

/** A class in code is a promise to the rest of the script: the configuration may only refine it. */
function checkGivenClasses(tree: MapNode, options: PrepareOptions, classes: ClassTable): void {
  const given = [
    ['model', options.module, options.subclassModeModel === true] as const,
    ['data', options.dataModule, options.subclassModeData === true] as const,
  ];
  for (const [key, base, subclasses] of given) {
    const node = nodeAt(tree, [key]);
    const type = isClassNode(node) ? classes.typeOf(node) : undefined;
    if (base === undefined || type === undefined || type === base) continue;
    const fits = subclasses && type.prototype instanceof base;
    if (fits || node === undefined) continue;
    const way = subclasses
      ? `it must be ${base.name} or a class derived from it`
      : `the script sets it to ${base.name}. Leave class_path out, or set the subclass mode of LightboxCLI`;
    classes.problems.push({
      code: 'ERR_CONFIG_CLASS',
      origin: node.origin,
      key: `${key}.class_path`,
      message: `${type.name} cannot be used: ${way}`,
    });
  }
}

function withoutGivenNames(tree: MapNode): MapNode {
  return moduleKeys.reduce((result, key) => {
    const entry = result.entries.get(key);
    if (entry?.node.kind !== 'map') return result;
    if (scalar(nodeAt(entry.node, ['class_path'])) !== givenName(key)) return result;
    return withEntry(result, key, { ...entry, node: withoutEntry(entry.node, 'class_path') });
  }, tree);
}

interface KeyedSection {
  readonly classes: readonly KeyedClass[];
  /** `logger: true`, `logger: false`, `logger: null`. */
  readonly flag?: boolean;
}

function keyedSection(
  trainer: MapNode,
  key: 'callbacks' | 'logger',
  problems: ConfigProblem[],
): KeyedSection {
  const node = trainer.entries.get(key)?.node;
  if (node === undefined) return key === 'logger' ? { classes: [], flag: true } : { classes: [] };
  const value = scalar(node);
  if (value === null) return { classes: [], flag: false };
  if (key === 'logger' && typeof value === 'boolean') return { classes: [], flag: value };
  return { classes: keyedClasses(node, ['trainer', key], problems) };
}

function checkTrainer(trainer: MapNode, problems: ConfigProblem[]): void {
  // The classes among the options are checked on their own, with better positions.
  const nothing: ConfigNode = { kind: 'instance', origin: defaultOrigin, value: [] };
  let node = trainer;
  for (const key of ['callbacks', 'logger']) {
    const entry = node.entries.get(key);
    if (entry !== undefined) node = withEntry(node, key, { ...entry, node: nothing });
  }
  checkValue(node, trainerSection, ['trainer'], {
    problems,
    instance: () => undefined,
    replacement: replacedTrainerKey,
  });
}

function checkClasses(keyed: readonly KeyedClass[], classes: ClassTable): void {
  for (const { node, path } of keyed) {
    if (node.kind === 'map') classes.check(node, path);
  }
}

function checkModule(node: ConfigNode | undefined, key: string, classes: ClassTable): void {
  if (isClassNode(node)) {
    classes.check(node, [key]);
  } else if (node?.kind === 'map') {
    classes.problems.push(missingClass(node, key));
  }
}

function missingClass(node: MapNode, key: string): ConfigProblem {
  const args = node.entries.get('init_args')?.node;
  const mistyped =
    mistypedClassPath(node) ?? (args?.kind === 'map' ? mistypedClassPath(args) : undefined);
  if (mistyped !== undefined) {
    const [name, origin] = mistyped;
    const message = 'unknown key. Did you mean "class_path"?';
    return { code: 'ERR_CONFIG_UNKNOWN_KEY', origin, key: `${key}.${name}`, message };
  }
  const message = 'this key is required: expected a class path, such as "./src/models/net.ts#Net"';
  const { origin } = node;
  return { code: 'ERR_CONFIG_MISSING_KEY', origin, key: `${key}.class_path`, message };
}

function section(tree: MapNode, key: string): MapNode {
  const entry = tree.entries.get(key);
  return entry?.node.kind === 'map' ? entry.node : emptyMap(entry?.origin ?? defaultOrigin);
}

function scalar(node: ConfigNode | undefined): string | number | boolean | null | undefined {
  return node?.kind === 'scalar' ? node.value : undefined;
}
