import { type Distribution, isSingle } from '../distribution.ts';
import type { FrozenTrial } from '../frozenTrial.ts';

type Space = Record<string, Distribution>;

/** The parameters that all complete and pruned trials had, described equally; by name. */
export function intersectionSpace(trials: readonly FrozenTrial[]): Space {
  let names: string[] | undefined;
  let latest: FrozenTrial | undefined;
  for (let index = trials.length - 1; index >= 0; index--) {
    const trial = trials[index];
    if (trial.state !== 'COMPLETE' && trial.state !== 'PRUNED') continue;
    if (latest === undefined || names === undefined) {
      latest = trial;
      names = Object.keys(trial.distributions).sort();
      continue;
    }
    let differs = false;
    for (const name of names) {
      if (isSame(latest.distributions[name], trial.distributions[name])) continue;
      differs = true;
      break;
    }
    const { distributions } = latest;
    if (differs) {
      names = names.filter((name) => isSame(distributions[name], trial.distributions[name]));
    }
  }
  return pick(latest?.distributions ?? {}, names ?? []);
}

/**
 * The parameters in groups that always come together: the smallest parts such that every trial
 * has all of a part or nothing of it. For spaces where some parameters depend on others.
 */
export function groupedSpaces(trials: readonly FrozenTrial[]): Space[] {
  let groups: Space[] = [];
  const seen = new Set<string>();
  for (const { state, distributions } of trials) {
    if (state !== 'COMPLETE' && state !== 'PRUNED') continue;
    const names = Object.keys(distributions);
    const key = JSON.stringify(names);
    if (seen.has(key)) continue;
    seen.add(key);
    const rest = new Set(names);
    const next: Space[] = [];
    for (const group of groups) {
      const own = Object.keys(group);
      next.push(
        pick(
          group,
          own.filter((name) => rest.has(name)),
        ),
        pick(
          group,
          own.filter((name) => !rest.has(name)),
        ),
      );
      for (const name of own) rest.delete(name);
    }
    next.push(pick(distributions, [...rest]));
    groups = next.filter((group) => Object.keys(group).length > 0);
  }
  return groups.map((group) => pick(group, Object.keys(group).sort()));
}

/** Without the parameters that have one value only: nothing has to be drawn for them. */
export function withoutSingles(space: Readonly<Space>): Space {
  return pick(
    space,
    Object.keys(space).filter((name) => !isSingle(space[name])),
  );
}

/** Equal in every field. */
export function isSame(a: Distribution, b: Distribution | undefined): boolean {
  if (a === b) return true;
  if (b === undefined || a.kind !== b.kind) return false;
  if (a.kind === 'categorical' || b.kind === 'categorical') {
    const [one, other] = [a, b].map((each) => (each.kind === 'categorical' ? each.choices : []));
    return one.length === other.length && one.every((value, at) => Object.is(value, other[at]));
  }
  return a.low === b.low && a.high === b.high && a.log === b.log && a.step === b.step;
}

function pick(space: Readonly<Space>, names: readonly string[]): Space {
  return Object.fromEntries(names.map((name) => [name, space[name]]));
}
