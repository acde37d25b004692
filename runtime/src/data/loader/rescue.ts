import { UsageError, messageOf } from '../../errors.ts';
import type { Place, SampleOrder } from '../order/sampleOrder.ts';
import type { FaultPolicy, Replacements, SlotFault } from './faultPolicy.ts';

/** Other samples that are tried in the place of one that cannot be read. */
const maxAttempts = 20;

/** What is needed to put something in the place of samples that cannot be read. */
export interface RescueOptions {
  readonly policy: FaultPolicy;
  readonly order: SampleOrder;
}

/** One slot of a batch to read. */
export interface RescueRequest {
  readonly place: Place;
  readonly slot: number;
  readonly replacements: Replacements | undefined;
  readonly faults: SlotFault[];
}

/**
 * Reads samples; for one that fails, others of the same dataset, drawn from the key of its place.
 * So the choice depends on the place and on which samples fail, on nothing else.
 */
export class Rescue {
  readonly policy: FaultPolicy;
  readonly #order: SampleOrder;

  constructor({ policy, order }: RescueOptions) {
    this.policy = policy;
    this.#order = order;
  }

  /**
   * What `read` gives for the sample of a place, or for one in its place; faults are noted.
   * @param masked makes what stands for a sample that cannot be read, from one that can
   */
  read<T>(
    request: RescueRequest,
    read: (id: number) => T | Promise<T>,
    masked: (template: T) => T,
  ): T | Promise<T> {
    const { place, slot, replacements, faults } = request;
    const known = replacements?.get(slot);
    let firstError: string | null = null;
    const done = (id: number, value: T): T => {
      if (id === place.id) return value;
      const mask = this.policy === 'mask';
      faults.push({ slot, error: firstError, replacement: mask ? null : id });
      return mask ? masked(value) : value;
    };
    const candidates = this.#candidates(place, known);
    const next = (): T | Promise<T> => {
      for (let step = candidates.next(); step.done !== true; step = candidates.next()) {
        const id = step.value;
        try {
          const value = read(id);
          if (!isPromise(value)) return done(id, value);
          return value.then(
            (ready: T) => done(id, ready),
            (error: unknown) => {
              firstError ??= messageOf(error);
              return next();
            },
          );
        } catch (error) {
          firstError ??= messageOf(error);
        }
      }
      throw this.#hopeless(place, firstError);
    };
    return next();
  }

  /** The sample itself, unless it is known to fail; then what took its place; then others. */
  *#candidates(place: Place, known: number | null | undefined): Generator<number, void, undefined> {
    if (known === undefined) yield place.id;
    else if (known !== null) yield known;
    const { size } = this.#order.datasets[place.dataset];
    const rng = this.#order.rng(place, 'substitute');
    for (let attempt = 0; attempt < maxAttempts && size > 1; attempt++) {
      const id = rng.int(size - 1);
      yield id < place.id ? id : id + 1;
    }
  }

  #hopeless(place: Place, error: string | null): UsageError {
    const { name, size } = this.#order.datasets[place.dataset];
    return new UsageError(
      'ERR_DATA_FAULTS',
      `Sample ${place.id} of dataset "${name}" cannot be read, nor can ${Math.min(maxAttempts, size - 1)} others in its place: ${String(error)}. ` +
        'Something is wrong with the dataset as a whole; faults: raise shows where.',
    );
  }
}

/** Also true for promises of other realms and of other libraries. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
