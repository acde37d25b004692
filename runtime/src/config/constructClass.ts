import { isUsageError, LightboxError, messageOf } from '../errors.ts';
import { formatOrigin, formatPath, type ConfigPath, type MapNode } from './node.ts';
import type { ConstructibleClass } from './loadClass.ts';
import type { ConfigProblem } from './problems.ts';

/** The part of a configuration that a class comes from. */
export interface ClassPlace {
  readonly node: MapNode;
  readonly path: ConfigPath;
}

/**
 * `new type(options)`. What the constructor finds wrong with its options becomes a problem of the
 * configuration; undefined then.
 * @throws LightboxError ERR_CONFIG_CONSTRUCTOR for any other error, with it as `cause`
 */
export function constructClass(
  type: ConstructibleClass,
  options: unknown,
  { node, path }: ClassPlace,
  problems: ConfigProblem[],
): object | undefined {
  const origin = node.entries.get('class_path')?.node.origin ?? node.origin;
  const key = formatPath(path);
  try {
    return new type(options as never);
  } catch (error) {
    if (isUsageError(error)) {
      problems.push({ code: codeOf(error), origin, key, message: error.message });
      return undefined;
    }
    const where = origin.kind === 'default' ? '' : ` (${formatOrigin(origin)})`;
    throw new LightboxError(
      'ERR_CONFIG_CONSTRUCTOR',
      `${key}${where}: the constructor of ${type.name} threw: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function codeOf(error: Error): string {
  return (error as Error & { code: string }).code;
}
