import type { FrozenTrial } from './frozenTrial.ts';

const OLD_KEY = 'constraints';
const PREFIX = 'constraints:';

/** The system attribute that holds one constraint of a trial. */
export function constraintAttr(name: string): string {
  return `${PREFIX}${name}`;
}

/** What the trial was told of its constraints; a value above 0 is a violation. */
export function constraintsOf(trial: FrozenTrial): Record<string, number> {
  const found: Record<string, number> = {};
  const old = trial.systemAttrs[OLD_KEY] as unknown;
  if (Array.isArray(old)) for (const [index, value] of old.entries()) found[index] = Number(value);
  for (const [key, value] of Object.entries(trial.systemAttrs)) {
    if (key.startsWith(PREFIX)) found[key.slice(PREFIX.length)] = Number(value);
  }
  return found;
}

/** The sum of the violations; 0 for a feasible trial. */
export function violationOf(trial: FrozenTrial): number {
  let sum = 0;
  // Without attributes, which is the usual case, nothing is built.
  for (const key in trial.systemAttrs) {
    if (key !== OLD_KEY && !key.startsWith(PREFIX)) continue;
    for (const value of Object.values(constraintsOf(trial))) if (value > 0) sum += value;
    break;
  }
  return sum;
}
