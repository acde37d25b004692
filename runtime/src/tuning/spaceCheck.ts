import { LightboxError, UsageError } from '../errors.ts';
import { declaredSearchSpace } from '../hpo/declaredSpace.ts';
import type { Distribution } from '../hpo/distribution.ts';
import { FixedTrial } from '../hpo/fixedTrial.ts';
import type { ConfigPatch, FrozenConfig, SearchSpace } from '../hpo/searchSpace.ts';
import type { TrialLike } from '../hpo/trialLike.ts';
import { checkExcluded } from './bestConfig.ts';
import { nestPatch, valueAt } from './configPaths.ts';
import type { HpoConfig } from '../hpo/hpoConfig.ts';
import type { HpoOptions } from './runSearch.ts';

/**
 * The search space that a project gives in code, or its configuration in `hpo.search_space`.
 * @throws UsageError ERR_HPO_SPACE when there is none or it is wrong
 */
export function spaceOf(
  given: HpoOptions['searchSpace'],
  base: FrozenConfig,
  files: readonly string[],
): SearchSpace {
  if (typeof given === 'function') return given;
  if (given !== undefined) return declaredSearchSpace(given, 'searchSpace');
  const declared = valueAt(base, 'hpo.search_space');
  if (declared !== undefined) return declaredSearchSpace(declared, 'hpo.search_space');
  throw new UsageError(
    'ERR_HPO_SPACE',
    `there is no search space: give one in scripts/hpo.ts, or hpo.search_space in ${files.join(', ')}`,
  );
}

/**
 * Tries the space once in its middle, before any trial has a number.
 * @returns what its parameters are suggested from
 * @throws UsageError ERR_HPO_SPACE for wrong bounds, and for a space that does not return paths
 */
export async function checkSpace(
  space: SearchSpace,
  config: HpoConfig,
  base: FrozenConfig,
  checkPatch: (patch: ConfigPatch) => Promise<void>,
): Promise<Readonly<Record<string, Distribution>>> {
  const trial = new FixedTrial();
  const patch = tried(space, trial, base);
  await checkPatch(patch);
  checkExcluded(config, patch, base);
  await checkPatch(config.productionOverrides ?? {});
  return trial.distributions;
}

/** What the space changes for this trial; its paths are well-formed. */
export function evaluate(space: SearchSpace, trial: TrialLike, base: FrozenConfig): ConfigPatch {
  const patch = space(trial, base);
  nestPatch(patch);
  return patch;
}

/** What the package itself refuses while the space runs is the space's mistake. */
function tried(space: SearchSpace, trial: FixedTrial, base: FrozenConfig): ConfigPatch {
  try {
    const patch: unknown = space(trial, base);
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
      throw new LightboxError(
        'ERR_HPO_SPACE',
        `expected an object of dotted paths and values, such as { 'model.width': 8 }, got ${JSON.stringify(patch) ?? 'undefined'}`,
      );
    }
    nestPatch(patch as ConfigPatch);
    return patch as ConfigPatch;
  } catch (error) {
    if (!(error instanceof LightboxError) || error instanceof UsageError) throw error;
    throw new UsageError('ERR_HPO_SPACE', `the search space: ${error.message}`, { cause: error });
  }
}
