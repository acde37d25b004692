import { z } from 'zod';
import type { ParameterArena } from '../../engine/arena/parameterArena.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import { clipSchema, type ClipConfig } from './clipping.ts';
import { fnmatch } from '../fnmatch.ts';

/** Options of a parameter group: which parameters, and what is different for them. */
export const paramGroupSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name in logs; default group1, group2, ...'),
  match: z
    .array(z.string().min(1))
    .default([])
    .describe('Patterns on parameter names: *, ?, [abc]; the first group that matches wins'),
  params: z.array(z.string().min(1)).default([]).describe('Exact parameter names'),
  lr: z.number().nonnegative().optional().describe("Learning rate; default the optimizer's"),
  weightDecay: z.number().nonnegative().optional().describe("Decay; default the optimizer's"),
  clip: clipSchema
    .optional()
    .describe('Clips this group by its own norm or value, apart from the others'),
});

export type ParamGroupOptions = z.input<typeof paramGroupSchema>;

/** The parameters that share a learning rate. */
export interface ParamGroup {
  readonly name: string;
  /** Base learning rate, before schedules. */
  lr: number;
  weightDecay: number;
  /** Learning rate of the last step: base times the schedule's factor; the base before any step. */
  currentLr: number;
  readonly parameters: readonly string[];
  /** Clips the group on its own; undefined: with all others. */
  readonly clip?: ClipConfig | undefined;
  /** Runs of neighbouring segments, in elements of the arena's vectors. */
  readonly ranges: readonly Range[];
}

export interface Range {
  readonly start: number;
  readonly end: number;
  /** Updates of the optimizer that had passed when these parameters joined it. */
  readonly since: number;
}

/** What a division depends on beside groups and arena. */
export interface DivisionSurroundings {
  /** Parameters that are not in the arena now, but may come: patterns may match them. */
  readonly frozen: readonly string[];
  /** Updates that had passed when a parameter joined. */
  since(name: string): number;
}

/**
 * Divides an arena among groups; parameters that none of them names form the group `default`.
 * @throws UsageError ERR_OPTIM_GROUP for a pattern or name that matches nothing, or a group whose
 * parameters all went to earlier ones
 */
export function divide(
  arena: ParameterArena,
  groups: readonly z.output<typeof paramGroupSchema>[],
  defaults: { lr: number; weightDecay: number },
  surroundings: DivisionSurroundings = { frozen: [], since: () => 0 },
): ParamGroup[] {
  const names = arena.segments.map(({ name }) => name);
  const all = [...names, ...surroundings.frozen];
  const tests = groups.map((group) => membership(group, all));
  const ownerOf = (name: string): number => tests.findIndex((test) => test(name));
  const owner = names.map(ownerOf);
  const owners = new Set(all.map(ownerOf));
  const declared = groups.map((group, index) => ({
    index,
    name: group.name ?? `group${String(index + 1)}`,
    lr: group.lr ?? defaults.lr,
    weightDecay: group.weightDecay ?? defaults.weightDecay,
    clip: group.clip,
  }));
  const rest = owners.has(-1) ? [{ index: -1, name: 'default', ...defaults, clip: undefined }] : [];
  return [...rest, ...declared].map(({ index, name, lr, weightDecay, clip }) => {
    const parameters = names.filter((_, position) => owner[position] === index);
    if (!owners.has(index)) {
      throw new UsageError(
        'ERR_OPTIM_GROUP',
        `Optimizer group "${name}": every parameter it names already belongs to an earlier group.`,
      );
    }
    return {
      name,
      lr,
      weightDecay,
      clip,
      currentLr: lr,
      parameters,
      ranges: ranges(arena, owner, index, surroundings),
    };
  });
}

function membership(
  { match, params }: z.output<typeof paramGroupSchema>,
  names: readonly string[],
): (name: string) => boolean {
  const tests = match.map((pattern) => ({ pattern, test: fnmatch(pattern) }));
  const exact = params.map((wanted) => ({
    pattern: wanted,
    test: (name: string) => name === wanted,
  }));
  const all = [...tests, ...exact];
  if (all.length === 0) {
    throw new UsageError(
      'ERR_OPTIM_GROUP',
      'Optimizer group: expected `match` (patterns) or `params` (names), got neither.',
    );
  }
  for (const { pattern, test } of all) {
    if (names.some(test)) continue;
    throw new UsageError(
      'ERR_OPTIM_GROUP',
      `Optimizer group: "${pattern}" matches no trainable parameter.${didYouMean(pattern, names)} ` +
        `The parameters are ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}.`,
    );
  }
  return (name) => all.some(({ test }) => test(name));
}

/** Neighbours are joined over the padding between them, which stays zero under every rule. */
function ranges(
  { segments, values }: ParameterArena,
  owner: readonly number[],
  group: number,
  surroundings: DivisionSurroundings,
): Range[] {
  const result: { start: number; end: number; since: number }[] = [];
  owner.forEach((own, index) => {
    if (own !== group) return;
    const start = segments[index].offset;
    const end = index + 1 < segments.length ? segments[index + 1].offset : values.length;
    const since = surroundings.since(segments[index].name);
    const last = result.at(-1);
    if (last?.end === start && last.since === since) last.end = end;
    else result.push({ start, end, since });
  });
  return result;
}
