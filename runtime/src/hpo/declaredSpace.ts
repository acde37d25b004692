import { didYouMean, messageOf, UsageError } from '../errors.ts';
import {
  categoricalDistribution,
  type Distribution,
  floatDistribution,
  intDistribution,
  type ParamValue,
} from './distribution.ts';
import type { ParamDeclaration, SearchSpace } from './searchSpace.ts';

const KINDS = ['log', 'uniform', 'int', 'choices'] as const;
const KEYS: readonly string[] = [...KINDS, 'step'];

/**
 * A search space from plain data, as written in YAML: each key is the dotted path and the
 * parameter's name.
 *
 * ```yaml
 * optimizer.init_args.learning_rate: { log: [1e-5, 1e-3] }
 * model.init_args.hidden: { int: [32, 256], step: 32 }
 * model.init_args.dropout: { uniform: [0, 0.5] }
 * model.init_args.activation: { choices: [relu, gelu] }
 * ```
 *
 * @param where for messages: the file
 * @throws UsageError ERR_HPO_SPACE naming the key and what is wrong with it
 */
export function declaredSearchSpace(declarations: unknown, where: string): SearchSpace {
  if (typeof declarations !== 'object' || declarations === null || Array.isArray(declarations)) {
    throw invalid(where, 'expected a mapping of dotted paths to { log | uniform | int | choices }');
  }
  const space = Object.entries(declarations).map(
    ([path, value]) => [path, distributionOf(value, `${where}: ${path}`)] as const,
  );
  if (space.length === 0) throw invalid(where, 'the search space is empty');
  return (trial) =>
    Object.fromEntries(
      space.map(([path, distribution]) => [path, suggest(trial, path, distribution)]),
    );
}

function distributionOf(value: unknown, where: string): Distribution {
  const declaration = checkShape(value, where);
  const { step } = declaration;
  try {
    if (declaration.choices !== undefined) return categoricalDistribution(declaration.choices);
    if (declaration.log !== undefined)
      return floatDistribution(...declaration.log, { log: true, step });
    if (declaration.int !== undefined) return intDistribution(...declaration.int, { step });
    const [low, high] = declaration.uniform ?? [NaN, NaN];
    return floatDistribution(low, high, { step });
  } catch (error) {
    throw invalid(where, messageOf(error));
  }
}

function checkShape(value: unknown, where: string): ParamDeclaration {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(
      where,
      `expected for example { log: [1e-5, 1e-3] }, got ${JSON.stringify(value)}`,
    );
  }
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw invalid(where, `unknown key "${key}".${didYouMean(key, KEYS)}`);
  }
  const kinds = KINDS.filter((kind) => Object.hasOwn(value, kind));
  if (kinds.length !== 1) {
    const got = kinds.length === 0 ? 'none' : kinds.join(' and ');
    throw invalid(where, `expected exactly one of ${KINDS.join(', ')}; got ${got}`);
  }
  const declaration = value as Record<string, unknown>;
  const range = declaration[kinds[0]];
  if (!Array.isArray(range)) throw invalid(where, `"${kinds[0]}" must be a list`);
  if (kinds[0] === 'choices') {
    if (declaration.step !== undefined) throw invalid(where, 'choices have no step');
    if (!range.every(isParamValue))
      throw invalid(where, 'choices are numbers, texts, booleans or null');
  } else if (range.length !== 2 || !range.every((bound) => typeof bound === 'number')) {
    throw invalid(where, `"${kinds[0]}" must be [low, high], got ${JSON.stringify(range)}`);
  }
  if (declaration.step !== undefined && typeof declaration.step !== 'number') {
    throw invalid(where, 'step must be a number');
  }
  return declaration;
}

function suggest(
  trial: Parameters<SearchSpace>[0],
  name: string,
  distribution: Distribution,
): ParamValue {
  if (distribution.kind === 'categorical')
    return trial.suggestCategorical(name, distribution.choices);
  const { low, high, log, step } = distribution;
  return distribution.kind === 'int'
    ? trial.suggestInt(name, low, high, { log, step })
    : trial.suggestFloat(name, low, high, { log, step });
}

function isParamValue(value: unknown): value is ParamValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function invalid(where: string, message: string): UsageError {
  return new UsageError('ERR_HPO_SPACE', `${where}: ${message}`);
}
