import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';

/** How another thread gets an equal object: it imports `name` from `module` and calls it with `new`. */
export interface Recipe {
  /** URL of the module that exports it: `import.meta.url`. */
  readonly module: string;
  readonly name: string;
  /**
   * Arguments of the constructor: plain data, typed arrays and portable objects. Without it the
   * export itself is meant, such as a collate function.
   */
  readonly args?: readonly unknown[];
}

/** Something a loader thread can rebuild: datasets, transforms and collate functions. */
export interface Portable {
  /** Undefined when this very object cannot be rebuilt. */
  recipe(): Recipe | undefined;
}

/** A recipe inside plain data. */
interface Packed {
  readonly [tag]: Recipe;
}

const tag = 'lightbox:recipe';

/**
 * Recipe of `object` unless its class has changed one of `methods` of `base`: rebuilding it as
 * `base` would give other values.
 */
export function recipeUnlessOverridden<T extends object>(
  object: T,
  base: abstract new (...args: never[]) => T,
  methods: readonly (keyof T)[],
  recipe: () => Recipe | undefined,
): Recipe | undefined {
  const original = base.prototype as T;
  return methods.every((method) => object[method] === original[method]) ? recipe() : undefined;
}

/**
 * Names an exported function so that loader threads can import it:
 * `export const collate = portable(import.meta.url, 'collate', (samples) => ...)`.
 */
export function portable<F extends object>(module: string, name: string, value: F): F & Portable {
  return Object.assign(value, { recipe: (): Recipe => ({ module, name }) });
}

/**
 * `value` as data that can be sent to another thread.
 * @param what names the value in the error
 * @throws UsageError (ERR_DATA_NOT_PORTABLE) for closures and objects without a recipe
 */
export function pack(value: unknown, what: string): unknown {
  if (isPortable(value)) {
    const recipe = value.recipe();
    if (recipe === undefined) throw notPortable(value, what);
    const { module, name, args } = recipe;
    const packed = args?.map((arg) => pack(arg, `${what} (argument of ${name})`));
    return { [tag]: { module, name, ...(packed && { args: packed }) } };
  }
  if (Array.isArray(value)) return value.map((item) => pack(item, what));
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item, what)]));
  }
  const plain = typeof value !== 'object' && typeof value !== 'function';
  if (plain || value === null || ArrayBuffer.isView(value)) return value;
  throw notPortable(value, what);
}

/** Rebuilds what `pack` has taken apart. */
export async function unpack(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => unpack(item)));
  if (!isPlainObject(value)) return value;
  if (tag in value) return build((value as unknown as Packed)[tag]);
  const entries = Object.entries(value).map(async ([key, item]) => [key, await unpack(item)]);
  return Object.fromEntries(await Promise.all(entries)) as unknown;
}

/** Modules that a packed value needs. */
export function modulesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(modulesOf);
  if (!isPlainObject(value)) return [];
  if (!(tag in value)) return Object.values(value).flatMap(modulesOf);
  const { module, args = [] } = (value as unknown as Packed)[tag];
  return [module, ...args.flatMap(modulesOf)];
}

async function build({ module, name, args }: Recipe): Promise<unknown> {
  const exports = (await import(module)) as Record<string, unknown>;
  const found = exports[name];
  if (typeof found !== 'function') {
    throw new UsageError(
      'ERR_DATA_NOT_PORTABLE',
      `A loader thread looked for the export "${name}" in ${module}, which has ${Object.keys(exports).join(', ')}. Correct the recipe() or export it.`,
    );
  }
  if (args === undefined) return found;
  const rebuilt = await Promise.all(args.map((arg) => unpack(arg)));
  return Reflect.construct(found, rebuilt) as unknown;
}

function isPortable(value: unknown): value is Portable {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    'recipe' in value &&
    typeof value.recipe === 'function'
  );
}

function notPortable(value: unknown, what: string): UsageError {
  const kind =
    typeof value === 'function'
      ? 'a function'
      : `a ${(value as object).constructor.name || 'object'}`;
  return new UsageError(
    'ERR_DATA_NOT_PORTABLE',
    `num_workers: ${what} is ${kind} that a loader thread cannot rebuild. ` +
      'Set num_workers: 0, or give its class a method recipe() { return { module: import.meta.url, name, args } }.',
  );
}
