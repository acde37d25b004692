import { isSchema } from './schemaKind.ts';
import type { ConstructibleClass } from './loadClass.ts';

/** Areas of `lightbox.<area>.<Name>`; loaded when a configuration names one. */
const areas: Readonly<Record<string, () => Promise<object>>> = {
  callbacks: () => import('../callbacks/index.ts'),
  loggers: () => import('../loggers/index.ts'),
  data: () => import('../data/index.ts'),
  optim: () => import('../core/optim/index.ts'),
};

/** Other names of the runtime's own classes. */
const aliases: Readonly<Record<string, string>> = {
  'callbacks.TorchCompileCallback': 'CompileCallback',
};

/** Classes that this version does not have, and what does their work until then. */
const notYet: Readonly<Record<string, string>> = {
  'callbacks.EnvironmentCallback': 'write the variables into the section "environment" at the top',
  'callbacks.WandbArtifactCheckpoint':
    'lightbox.callbacks.ModelCheckpoint keeps checkpoints locally',
  'loggers.WandbLogger': 'lightbox.loggers.CSVLogger and metrics.jsonl hold every value',
  'loggers.TensorBoardLogger': 'lightbox.loggers.CSVLogger and metrics.jsonl hold every value',
  'loggers.MLFlowLogger': 'lightbox.loggers.CSVLogger and metrics.jsonl hold every value',
};

/** What to do without a class that a later version has; undefined for classes nobody plans. */
export function insteadOf(area: string, name: string): string | undefined {
  const key = `${area}.${name}`;
  return Object.hasOwn(notYet, key) ? notYet[key] : undefined;
}

export const areaNames: readonly string[] = Object.keys(areas);

/** The classes of one area by name: every export that has a `static schema`. */
export async function loadArea(area: string): Promise<ReadonlyMap<string, ConstructibleClass>> {
  const load = Object.hasOwn(areas, area) ? areas[area] : undefined;
  if (load === undefined) return new Map();
  const classes = new Map<string, ConstructibleClass>();
  for (const [name, value] of Object.entries(await load())) {
    if (isConstructible(value)) classes.set(name, value);
  }
  for (const [alias, name] of Object.entries(aliases)) {
    const [aliasArea, aliasName] = alias.split('.');
    const target = classes.get(name);
    if (aliasArea === area && target !== undefined) classes.set(aliasName, target);
  }
  return classes;
}

/** `[class path, class]` of everything the runtime offers to configurations. */
export async function listRegistry(): Promise<[path: string, type: ConstructibleClass][]> {
  const found: [string, ConstructibleClass][] = [];
  for (const area of areaNames) {
    for (const [name, type] of await loadArea(area)) found.push([`lightbox.${area}.${name}`, type]);
  }
  return found;
}

function isConstructible(value: unknown): value is ConstructibleClass {
  return typeof value === 'function' && 'schema' in value && isSchema(value.schema);
}
