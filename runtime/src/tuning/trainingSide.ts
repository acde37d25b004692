import type { ConfigPatch, FrozenConfig } from '../hpo/searchSpace.ts';
import type { TrialRunner } from './trialRunner.ts';

/** What a search needs of configuration and trainer; the real one is `trainerSide`. */
export interface TrainingSide {
  /** The merged configuration that every trial starts from; checked, frozen at every level. */
  baseConfig(configFiles: readonly string[], overrides: readonly string[]): Promise<FrozenConfig>;
  /**
   * Refuses a patch that the configuration cannot take: unknown paths, values of a wrong type.
   * @throws UsageError naming the path
   */
  checkPatch(
    configFiles: readonly string[],
    overrides: readonly string[],
    patch: ConfigPatch,
  ): Promise<void>;
  readonly runTrial: TrialRunner;
}
