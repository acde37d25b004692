import { UsageError } from '../errors.ts';
import { describeDistribution, type Distribution, incompatibility } from '../hpo/distribution.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';

/**
 * What is different in the search space since the study's earlier trials, a line for each
 * parameter. One that only some of the earlier trials had may depend on others, so its absence
 * means nothing.
 * @param now what a trial in the middle of the space is suggested from
 * @throws UsageError ERR_HPO_SPACE_CHANGED with all differences, when the study cannot take one
 */
export function spaceChanges(
  study: string,
  trials: readonly FrozenTrial[],
  now: Readonly<Record<string, Distribution>>,
): string[] {
  const described = trials.filter((trial) => Object.keys(trial.distributions).length > 0);
  if (described.length === 0) return [];
  const before = new Map(described.flatMap((trial) => Object.entries(trial.distributions)));
  const lines: string[] = [];
  const refused: string[] = [];
  for (const [name, distribution] of Object.entries(now)) {
    const known = before.get(name);
    const text = describeDistribution(distribution);
    const last = known === undefined ? 'not there' : describeDistribution(known);
    if (last === text) continue;
    lines.push(`  ${name}: ${last} -> ${text}`);
    const reason = known === undefined ? undefined : incompatibility(known, distribution);
    if (reason !== undefined) refused.push(`${name}: ${reason}`);
  }
  for (const [name, distribution] of before) {
    const always = described.every((trial) => Object.hasOwn(trial.distributions, name));
    if (!always || Object.hasOwn(now, name)) continue;
    lines.push(`  ${name}: ${describeDistribution(distribution)} -> not there`);
  }
  if (refused.length === 0) return lines;
  throw new UsageError(
    'ERR_HPO_SPACE_CHANGED',
    [
      `the search space is not that of study "${study}", which has ${trials.length} trials:`,
      ...lines,
      `${refused.join('; ')}. Within one study the bounds of a range may change, and parameters may ` +
        'come and go; give another space another study: --study-name NAME',
    ].join('\n'),
  );
}
