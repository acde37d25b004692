import { didYouMean, UsageError } from '../errors.ts';
import { fnmatch } from './fnmatch.ts';
import type { JsonObject } from './json.ts';
import type { NamedParameter } from './parameters.ts';

/** One call of `freeze` or `unfreeze`. */
interface FreezeRule {
  readonly pattern: string;
  readonly frozen: boolean;
}

/** Which parameters of a module are frozen: of the rules that match one, the last counts. */
export class Freezing {
  #rules: FreezeRule[] = [];
  /** Goes up with every change. */
  version = 0;

  /** @param patterns sub-modules (`backbone`) or patterns on parameter names; none: everything */
  add(frozen: boolean, patterns: readonly string[]): void {
    const wanted = patterns.length === 0 ? ['*'] : patterns;
    // What the new rules overrule for certain needs no place, so repeated calls do not pile up.
    const replaced = wanted.includes('*') ? this.#rules : [];
    this.#rules = this.#rules
      .filter((rule) => !replaced.includes(rule) && !wanted.includes(rule.pattern))
      .concat(wanted.map((pattern) => ({ pattern, frozen })));
    this.version++;
  }

  isFrozen(name: string): boolean {
    return this.#rules.findLast(({ pattern }) => matches(pattern, name))?.frozen ?? false;
  }

  /** The parameters with those that are frozen marked so. */
  apply(parameters: readonly NamedParameter[]): NamedParameter[] {
    if (this.#rules.length === 0) return [...parameters];
    return parameters.map((parameter) =>
      parameter.trainable && this.isFrozen(parameter.name)
        ? { ...parameter, trainable: false, frozen: true }
        : parameter,
    );
  }

  /** @throws UsageError ERR_FREEZE for a pattern that no parameter matches */
  check(parameters: readonly NamedParameter[]): void {
    for (const { pattern } of this.#rules) {
      if (parameters.some(({ name }) => matches(pattern, name))) continue;
      const names = parameters.map(({ name }) => name);
      const known = [...new Set(names.map((name) => name.split('.')[0]))];
      throw new UsageError(
        'ERR_FREEZE',
        `freeze("${pattern}"): no parameter is or lies in that.${didYouMean(pattern, known)} ` +
          `The module holds ${known.join(', ')}.`,
      );
    }
  }

  stateDict(): JsonObject[] {
    return this.#rules.map((rule) => ({ ...rule }));
  }

  loadStateDict(state: readonly JsonObject[]): void {
    this.#rules = state.map(({ pattern, frozen }) => ({
      pattern: pattern as string,
      frozen: frozen === true,
    }));
    this.version++;
  }
}

function matches(pattern: string, name: string): boolean {
  return pattern === name || name.startsWith(`${pattern}.`) || fnmatch(pattern)(name);
}
