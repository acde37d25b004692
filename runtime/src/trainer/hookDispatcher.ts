import { callbackId, type Callback } from '../core/callback.ts';
import { hookNames, type HookArguments, type HookName } from '../core/hooks.ts';
import type { TrainerContext } from '../core/trainerContext.ts';
import type { TrainModule } from '../core/trainModule.ts';

/** Told how long each hook took; absent when nobody profiles. */
export type HookTimer = (owner: string, hook: HookName, run: () => unknown) => unknown;

type HookCall = (args: readonly unknown[]) => unknown;

interface Entry extends HookCall {
  /** Who is called, for messages. */
  readonly owner: string;
}

interface Table {
  /** Ordinary callbacks in the order given, then the module. */
  readonly ordinary: Map<HookName, Entry[]>;
  /** Callbacks that watch results, then those that save: they must see final values. */
  readonly monitoring: Map<HookName, Entry[]>;
}

/**
 * The one place that calls hooks. Returns a promise only when a hook did, so that a run without
 * asynchronous hooks pays nothing for the possibility.
 */
export class HookDispatcher {
  readonly #normal: Table;
  readonly #sanity: Table;
  #active: Table;

  constructor(
    callbacks: readonly Callback[],
    module: TrainModule,
    context: TrainerContext,
    timer?: HookTimer,
  ) {
    const tables = { callbacks, module, context, timer };
    this.#normal = makeTable(tables, () => true);
    this.#sanity = makeTable(
      tables,
      (callback, name) => callback.runsInSanity === true || !name.startsWith('onValidation'),
    );
    this.#active = this.#normal;
  }

  /** During sanity checks only callbacks with `runsInSanity` see the validation hooks. */
  set sanity(on: boolean) {
    this.#active = on ? this.#sanity : this.#normal;
  }

  /** All owners: ordinary callbacks, the module, monitoring callbacks, saving callbacks. */
  call<Name extends HookName>(name: Name, ...args: HookArguments[Name]): void | Promise<void> {
    const pending = this.ordinary(name, ...args);
    if (pending === undefined) return this.monitoring(name, ...args);
    return pending.then(() => this.monitoring(name, ...args));
  }

  /** Ordinary callbacks and the module. */
  ordinary<Name extends HookName>(name: Name, ...args: HookArguments[Name]): void | Promise<void> {
    return runFrom(this.#active.ordinary.get(name), 0, args);
  }

  /** Monitoring and saving callbacks: called once what the ordinary ones logged is written. */
  monitoring<Name extends HookName>(
    name: Name,
    ...args: HookArguments[Name]
  ): void | Promise<void> {
    return runFrom(this.#active.monitoring.get(name), 0, args);
  }

  /** The order of `call`, but `visit` calls each hook itself, with arguments that are its alone. */
  async callEach<Name extends HookName>(
    name: Name,
    visit: (owner: string, hook: (...args: HookArguments[Name]) => unknown) => Promise<void>,
  ): Promise<void> {
    const { ordinary, monitoring } = this.#active;
    for (const entry of [...(ordinary.get(name) ?? []), ...(monitoring.get(name) ?? [])]) {
      await visit(entry.owner, (...args) => entry(args));
    }
  }
}

function runFrom(
  entries: readonly Entry[] | undefined,
  start: number,
  args: readonly unknown[],
): void | Promise<void> {
  if (entries === undefined) return;
  for (let index = start; index < entries.length; index++) {
    const result = entries[index](args);
    if (result instanceof Promise) return result.then(() => runFrom(entries, index + 1, args));
  }
}

interface TableParts {
  readonly callbacks: readonly Callback[];
  readonly module: TrainModule;
  readonly context: TrainerContext;
  readonly timer: HookTimer | undefined;
}

function makeTable(
  { callbacks, module, context, timer }: TableParts,
  takesPart: (callback: Callback, name: HookName) => boolean,
): Table {
  const table: Table = { ordinary: new Map(), monitoring: new Map() };
  const later = callbacks.filter(isMonitoring);
  const last = [
    ...later.filter(({ saving }) => saving !== true),
    ...later.filter(({ saving }) => saving === true),
  ];
  for (const name of hookNames) {
    const ofCallback = (callback: Callback): Entry[] => {
      const hook = callback[name] as ((...args: unknown[]) => unknown) | undefined;
      if (hook === undefined || !takesPart(callback, name)) return [];
      const entry = timed(callback.constructor.name, name, timer, (args) =>
        hook.call(callback, context, ...args),
      );
      return [Object.assign(entry, { owner: callbackId(callback) })];
    };
    const ordinary = callbacks.filter((item) => !isMonitoring(item)).flatMap(ofCallback);
    const own = module[name]?.bind(module) as ((...args: unknown[]) => unknown) | undefined;
    if (own !== undefined) {
      const owner = module.constructor.name;
      const entry = timed(owner, name, timer, (args) => own(...args));
      ordinary.push(Object.assign(entry, { owner }));
    }
    if (ordinary.length > 0) table.ordinary.set(name, ordinary);
    const monitoring = last.flatMap(ofCallback);
    if (monitoring.length > 0) table.monitoring.set(name, monitoring);
  }
  return table;
}

function isMonitoring(callback: Callback): boolean {
  return callback.monitoring === true || callback.saving === true;
}

function timed(
  owner: string,
  name: HookName,
  timer: HookTimer | undefined,
  entry: HookCall,
): HookCall {
  if (timer === undefined) return entry;
  return (args) => timer(owner, name, () => entry(args));
}
