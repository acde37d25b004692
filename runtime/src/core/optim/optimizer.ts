import type { z } from 'zod';
import type { ParameterArena } from '../../engine/arena/parameterArena.ts';
import type { Elementwise } from '../../engine/wasm/elementwise.ts';
import { LightboxError, UsageError } from '../../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { ParkedState, type SlotVectors } from './parkedState.ts';
import { divide, type ParamGroup, type paramGroupSchema, type Range } from './paramGroups.ts';

/** What every optimizer's options have. */
export interface OptimizerOptions {
  readonly lr: number;
  readonly weightDecay: number;
  readonly groups: readonly z.output<typeof paramGroupSchema>[];
}

/** What an optimizer's groups depend on beside its own options and parameters. */
export interface GroupSurroundings {
  /** Names of parameters that are frozen now: patterns may match them. */
  readonly frozen?: readonly string[];
  /** Groups of callbacks, which come before the optimizer's own. */
  readonly groups?: readonly z.output<typeof paramGroupSchema>[];
}

/**
 * Updates the parameters of an arena from its gradients, in place. `bind` comes first; then each
 * update is `computeGradients`, optional clipping, `step`.
 *
 * Formulas and defaults are torch.optim's. One difference: a parameter without gradient has the
 * gradient zero here, so weight decay and momentum go on for it.
 */
export abstract class Optimizer {
  /**
   * Whether `update` changes the state by `apply` alone, all of it each time. The state can then be
   * lent: a checkpoint is written from it while training goes on. Each class says so for itself: a
   * subclass may write otherwise.
   */
  static readonly writesAside: boolean = false;
  abstract readonly name: string;
  /** The flat vectors of its state, by torch's names. */
  protected abstract readonly slotNames: readonly string[];
  /** Empty before `bind`. */
  groups: ParamGroup[] = [];
  /** Updates done. */
  steps = 0;
  readonly options: OptimizerOptions;
  #arena: ParameterArena | null = null;
  /** Views over ranges of the bound arena. */
  readonly #vectors = new Map<Range, Record<string, Float32Array>>();
  #surroundings: GroupSurroundings = {};
  /** Updates that had passed when a parameter joined, where that was not at the start. */
  readonly #since = new Map<string, number>();
  readonly #parked = new ParkedState();

  constructor(options: OptimizerOptions) {
    this.options = options;
  }

  /** @throws LightboxError ERR_OPTIM_UNBOUND before `bind` */
  get arena(): ParameterArena {
    if (this.#arena !== null) return this.#arena;
    throw new LightboxError(
      'ERR_OPTIM_UNBOUND',
      `${this.name}: bind() comes before anything else.`,
    );
  }

  /**
   * Gives the optimizer its parameters; the state starts as zeros.
   * @throws UsageError ERR_OPTIM_GROUP for groups that do not fit the parameters
   */
  bind(arena: ParameterArena, surroundings: GroupSurroundings = {}): void {
    this.#surroundings = surroundings;
    this.groups = this.#divide(arena);
    this.#arena = arena;
    this.#vectors.clear();
    for (const name of this.slotNames) arena.slot(name);
  }

  /**
   * Exchanges the parameters: those that stay keep their state. That of parameters that leave is
   * kept until they come back, and then goes on, as torch's does for those without a gradient; new
   * ones start with none, as if the optimizer had been made for them now.
   */
  rebind(arena: ParameterArena, surroundings: GroupSurroundings): void {
    const before = new Map(this.groups.map((group) => [group.name, group]));
    for (const { name } of this.arena.segments) {
      this.#parked.put(name, this.steps - (this.#since.get(name) ?? 0), this.#slotsOf(name));
    }
    this.#since.clear();
    const states = arena.segments.map(({ name }) => this.#parked.take(name));
    arena.segments.forEach(({ name }, index) => {
      this.#joined(name, states[index]?.steps ?? 0);
    });
    this.bind(arena, surroundings);
    for (const group of this.groups) {
      const { lr, weightDecay, currentLr } = before.get(group.name) ?? group;
      Object.assign(group, { lr, weightDecay, currentLr });
    }
    arena.segments.forEach(({ name }, index) => {
      const slots = this.#slotsOf(name);
      for (const [slot, values] of Object.entries(states[index]?.slots ?? {})) {
        slots[slot].set(values);
      }
    });
  }

  /** Notes how many updates a parameter had, where that is not all of them. */
  #joined(name: string, steps: number): void {
    if (steps < this.steps) this.#since.set(name, this.steps - steps);
    else this.#since.delete(name);
  }

  #slotsOf(name: string): SlotVectors {
    const { arena } = this;
    const segment = arena.segments.find((candidate) => candidate.name === name);
    if (segment === undefined) return {};
    return Object.fromEntries(
      this.slotNames.map((slot) => [slot, arena.part(arena.slot(slot), segment)]),
    );
  }

  #divide(arena: ParameterArena): ParamGroup[] {
    const { frozen, groups = [] } = this.#surroundings;
    return divide(arena, [...groups, ...this.options.groups], this.options, {
      frozen: frozen ?? [],
      since: (name) => this.#since.get(name) ?? 0,
    });
  }

  /**
   * One update from `arena.grads`. The variables show the new values when this returns.
   * @param lrFactors what each group's learning rate is multiplied by, or one factor for all
   */
  step(lrFactors: number | readonly number[] = 1): void {
    const { arena } = this;
    arena.beginWrite();
    this.steps++;
    this.groups.forEach((group, index) => {
      const factor = typeof lrFactors === 'number' ? lrFactors : lrFactors[index];
      group.currentLr = group.lr * factor;
      for (const range of group.ranges) this.update(group, range);
    });
    if (arena.state.turn()) this.#vectors.clear();
    arena.endWrite();
  }

  /** Counts and names; the vectors come from `stateTensors`. */
  stateDict(): JsonObject {
    return {
      name: this.name,
      steps: this.steps,
      groups: this.groups.map(({ name, currentLr }) => ({ name, currentLr })),
      ...(this.#since.size > 0 && { since: Object.fromEntries(this.#since) }),
      ...(this.#parked.size > 0 && { parked: this.#parked.stateDict() }),
    };
  }

  /** @throws UsageError ERR_OPTIM_STATE for the state of another optimizer or other groups */
  loadStateDict(state: JsonObject): void {
    const groups = Array.isArray(state.groups) ? (state.groups as JsonObject[]) : [];
    const expected = this.groups.map(({ name }) => name).join(', ');
    const found = groups.map(({ name }) => text(name)).join(', ');
    if (state.name !== this.name || typeof state.steps !== 'number' || found !== expected) {
      throw new UsageError(
        'ERR_OPTIM_STATE',
        `Optimizer state: expected ${this.name} with groups ${expected}, got ` +
          `${text(state.name)} with groups ${found}. Use the same optimizer, or load weights only.`,
      );
    }
    this.steps = state.steps;
    this.#since.clear();
    for (const [name, steps] of Object.entries((state.since ?? {}) as Record<string, number>)) {
      this.#since.set(name, steps);
    }
    this.#parked.clear();
    for (const [name, steps] of Object.entries((state.parked ?? {}) as Record<string, number>)) {
      const trained = this.arena.segments.some((segment) => segment.name === name);
      if (trained) this.#joined(name, steps);
      else this.#parked.put(name, steps, {});
    }
    this.#divide(this.arena).forEach(({ ranges }, index) => {
      this.groups[index] = { ...this.groups[index], ranges };
    });
    this.groups.forEach((group, index) => {
      group.currentLr = Number(groups[index].currentLr);
    });
  }

  get #writesAside(): boolean {
    const own = this.constructor as typeof Optimizer;
    return Object.hasOwn(own, 'writesAside') && own.writesAside;
  }

  /** State vectors that an arena should have room for twice, so that they can be lent. */
  get spares(): number {
    return this.#writesAside ? this.slotNames.length : 0;
  }

  /**
   * Keeps the memory of `stateTensors` as it is until the function that is returned is called,
   * whatever is trained in the meantime; null where that cannot be.
   */
  lendState(): (() => void) | null {
    return this.#writesAside ? this.arena.state.lend() : null;
  }

  /** Views of the state by `slot/parameter`, such as `exp_avg/encoder.0.kernel`; to be read. */
  stateTensors(): Record<string, Float32Array> {
    return Object.fromEntries([...this.#vectorsByName(), ...this.#parked.tensors()]);
  }

  /** @throws UsageError ERR_OPTIM_STATE for a tensor that is missing or of another size */
  loadStateTensors(tensors: Readonly<Record<string, Float32Array>>): void {
    for (const [name, view] of this.#vectorsByName()) {
      const found: Float32Array | undefined = tensors[name];
      if (found?.length === view.length) continue;
      throw new UsageError(
        'ERR_OPTIM_STATE',
        `Optimizer state "${name}": expected ${String(view.length)} values, got ` +
          `${found === undefined ? 'none' : String(found.length)}. The model is not the saved one.`,
      );
    }
    // All of it is replaced, as in an update.
    if (this.arena.state.turn()) this.#vectors.clear();
    for (const [name, view] of this.#vectorsByName()) view.set(tensors[name]);
    this.#parked.load(tensors, this.slotNames);
  }

  /**
   * Runs a rule over a range. New state takes the place of the old, unless that is lent.
   * @param slots which state vector each array of the rule is
   */
  protected apply<Name extends string, Scalar extends string>(
    rule: Elementwise<Name, Scalar>,
    range: Range,
    slots: Readonly<Partial<Record<Name, string>>>,
    scalars: Readonly<Record<Scalar, number>>,
  ): void {
    const { kernels, state } = this.arena;
    const views = this.vectors(range, slots);
    if (!state.isLent) {
      kernels.run(rule, views, scalars);
      return;
    }
    const targets = Object.entries<string>(slots as Record<Name, string>).map(([name, slot]) => [
      name,
      state.target(slot).subarray(range.start, range.end),
    ]);
    kernels.run(rule, views, scalars, Object.fromEntries(targets) as typeof views);
  }

  #vectorsByName(): [name: string, vector: Float32Array][] {
    const { arena } = this;
    return this.slotNames.flatMap((slot) =>
      arena.segments.map((segment): [string, Float32Array] => [
        `${slot}/${segment.name}`,
        arena.part(arena.slot(slot), segment),
      ]),
    );
  }

  /** Applies the rule to one range; `steps` already counts this update. */
  protected abstract update(group: ParamGroup, range: Range): void;

  /** Updates that the parameters of a range had, this one included. */
  protected stepsOf({ since }: Range): number {
    return this.steps - since;
  }

  /** Values, gradients and the named state over a range; each range's views are made once. */
  protected vectors<Slot extends string>(
    range: Range,
    slots: Readonly<Partial<Record<Slot, string>>>,
  ): Partial<Record<Slot | 'values' | 'grads', Float32Array>> {
    let known = this.#vectors.get(range);
    if (known === undefined) {
      const { arena } = this;
      const whole = Object.entries<string>(slots as Record<Slot, string>).map(
        ([key, slot]): [string, Float32Array] => [key, arena.slot(slot)],
      );
      whole.push(['values', arena.values], ['grads', arena.grads]);
      known = Object.fromEntries(
        whole.map(([key, vector]) => [key, vector.subarray(range.start, range.end)]),
      );
      this.#vectors.set(range, known);
    }
    return known as Record<Slot | 'values' | 'grads', Float32Array>;
  }
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
