import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../errors.ts';
import type { HpoConfig } from '../hpo/hpoConfig.ts';
import type { Plain } from '../hpo/plain.ts';
import type { Study } from '../hpo/study.ts';
import type { HpoFlags } from './hpoFlags.ts';

/** System attribute of a study: what its trials have in common. */
const SETTINGS_ATTR = 'lightbox:settings';

/** The flags that decide what a trial's value means. */
const COMPARED = [
  'configFiles',
  'overrides',
  'trialSteps',
  'scaleSchedules',
  'valInterval',
  'testMode',
] as const;

type Settings = { readonly monitor: string } & Pick<HpoFlags, (typeof COMPARED)[number]>;

/** The settings that the study's trials have run with; undefined for a study of another program. */
export function settingsOf(attrs: Readonly<Record<string, Plain>>): Settings | undefined {
  const stored = attrs[SETTINGS_ATTR] as Plain | undefined;
  return typeof stored === 'object' && stored !== null
    ? (stored as unknown as Settings)
    : undefined;
}

/** The flags with what `--resume-from` leaves out taken from the earlier search. */
export function asBefore(flags: HpoFlags, before: Settings | undefined): HpoFlags {
  if (before === undefined) return flags;
  const { configFiles, overrides, trialSteps, valInterval } = flags;
  return {
    ...flags,
    configFiles: configFiles.length > 0 ? configFiles : before.configFiles,
    // Later ones win.
    overrides: [...before.overrides.filter((each) => !overrides.includes(each)), ...overrides],
    trialSteps: trialSteps ?? before.trialSteps,
    scaleSchedules: flags.scaleSchedules || before.scaleSchedules,
    valInterval: valInterval ?? before.valInterval,
    testMode: flags.testMode || before.testMode,
  };
}

/**
 * Keeps the settings in a new study, and compares with them in an older one.
 * @returns lines about what is different, by which values of old and new trials differ too
 * @throws UsageError ERR_HPO_MONITOR when the study is about another metric
 */
export async function compareSettings(
  study: Study,
  { monitor }: HpoConfig,
  flags: HpoFlags,
): Promise<string[]> {
  const before = settingsOf((await study.record()).systemAttrs);
  const now: Settings = { monitor, ...pick(flags) };
  if (before === undefined) {
    await study.setSystemAttr(SETTINGS_ATTR, JSON.parse(JSON.stringify(now)) as Plain);
    return [];
  }
  if (before.monitor !== monitor) {
    throw new UsageError(
      'ERR_HPO_MONITOR',
      `study "${study.name}" searches for ${before.monitor}, not ${monitor}; give the other search another name: --study-name NAME`,
    );
  }
  return COMPARED.filter((key) => !isDeepStrictEqual(before[key], now[key])).map(
    (key) => `  ${key}: ${JSON.stringify(before[key])} -> ${JSON.stringify(now[key])}`,
  );
}

function pick(flags: HpoFlags): Omit<Settings, 'monitor'> {
  const { configFiles, overrides, trialSteps, scaleSchedules, valInterval, testMode } = flags;
  return { configFiles, overrides, trialSteps, scaleSchedules, valInterval, testMode };
}
