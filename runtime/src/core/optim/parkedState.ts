import type { JsonObject } from '../json.ts';

/** State vectors of one parameter by slot, `exp_avg`. */
export type SlotVectors = Readonly<Record<string, Float32Array>>;

/** State of parameters that were frozen in the middle of training, until they come back. */
export class ParkedState {
  readonly #parameters = new Map<string, { steps: number; slots: SlotVectors }>();

  /** @param steps updates that the parameter had; its vectors are copied */
  put(name: string, steps: number, slots: SlotVectors): void {
    const copies = Object.entries(slots).map(([slot, values]) => [slot, values.slice()]);
    this.#parameters.set(name, { steps, slots: Object.fromEntries(copies) as SlotVectors });
  }

  /** Hands over what was kept of a parameter, once. */
  take(name: string): { steps: number; slots: SlotVectors } | undefined {
    const found = this.#parameters.get(name);
    this.#parameters.delete(name);
    return found;
  }

  clear(): void {
    this.#parameters.clear();
  }

  get size(): number {
    return this.#parameters.size;
  }

  /** Updates that each parameter had. */
  stateDict(): JsonObject {
    return Object.fromEntries([...this.#parameters].map(([name, { steps }]) => [name, steps]));
  }

  /** By `slot/parameter`, like those of parameters that are trained. */
  tensors(): [name: string, values: Float32Array][] {
    return [...this.#parameters].flatMap(([name, { slots }]) =>
      Object.entries(slots).map(([slot, values]): [string, Float32Array] => [
        `${slot}/${name}`,
        values,
      ]),
    );
  }

  /** Vectors of the parameters that are known by now; those without are forgotten. */
  load(tensors: Readonly<Record<string, Float32Array>>, slotNames: readonly string[]): void {
    for (const [name, { steps }] of [...this.#parameters]) {
      const slots = slotNames.map((slot) => [slot, tensors[`${slot}/${name}`]] as const);
      if (slots.every(([, values]) => (values as Float32Array | undefined) !== undefined)) {
        this.put(name, steps, Object.fromEntries(slots));
      } else this.#parameters.delete(name);
    }
  }
}
