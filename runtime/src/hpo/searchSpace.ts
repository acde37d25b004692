import type { ParamValue } from './distribution.ts';
import type { Plain } from './plain.ts';
import type { TrialLike } from './trialLike.ts';

/**
 * What is searched: suggests values and returns them as a patch, dotted path -> value, of the
 * configuration. The configuration itself is frozen; read it for conditions, never change it.
 *
 * ```ts
 * export const searchSpace: SearchSpace = (trial) => ({
 *   'optimizer.learning_rate': trial.suggestFloat('learning_rate', 1e-5, 1e-2, { log: true }),
 * });
 * ```
 */
export type SearchSpace = (trial: TrialLike, config: FrozenConfig) => ConfigPatch;

/** A configuration as plain data that nobody may change. */
export type FrozenConfig = Plain;

/** Dotted path of a configuration key -> its value. */
export type ConfigPatch = Readonly<Record<string, Plain>>;

/** The declared form of one parameter in YAML. */
export interface ParamDeclaration {
  readonly log?: readonly [number, number];
  readonly uniform?: readonly [number, number];
  readonly int?: readonly [number, number];
  readonly choices?: readonly ParamValue[];
  readonly step?: number;
}
