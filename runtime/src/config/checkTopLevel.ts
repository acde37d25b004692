import { checkValue } from './checkValue.ts';
import { withoutEntry, type MapNode } from './node.ts';
import type { ConfigProblem } from './problems.ts';
import { topLevelSchema } from './topLevel.ts';

/**
 * Reports keys that do not belong at the top, and sections of the wrong kind.
 * @returns the tree without those sections, so that checking can go on
 */
export function checkTopLevel(
  tree: MapNode,
  problems: ConfigProblem[],
  replacement: (key: string) => string | undefined,
): MapNode {
  let sound = tree;
  for (const [key, entry] of tree.entries) {
    const isNull = entry.node.kind === 'scalar' && entry.node.value === null;
    if (isNull) {
      sound = withoutEntry(sound, key);
      continue;
    }
    const only: MapNode = { ...tree, entries: new Map([[key, entry]]) };
    const before = problems.length;
    checkValue(only, topLevelSchema, [], {
      problems,
      // Sections hold classes; what they are is checked when the sections are.
      instance: () => ({}),
      standIns: false,
      replacement,
    });
    if (problems.length > before) sound = withoutEntry(sound, key);
  }
  return sound;
}
