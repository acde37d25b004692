import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoaderContext } from '../../core/loader.ts';
import type { Stage } from '../../core/stage.ts';
import { UsageError } from '../../errors.ts';
import type { Place } from '../order/sampleOrder.ts';
import type { FaultLimits, FaultPolicy, Replacements, SlotFault } from './faultPolicy.ts';

/** File in the folder of a run with one line of JSON for each sample that could not be read. */
export const faultReportName = 'faults.jsonl';

/** Replacements a checkpoint keeps, the newest. */
const remembered = 10_000;

/** Errors that an error about too many of them quotes. */
const quoted = 3;

/** A sample that could not be read; a line of the report. */
export interface FaultRecord {
  readonly dataset: string;
  readonly id: number;
  readonly stage: Stage;
  /** Epoch of the loader. */
  readonly epoch: number;
  /** Of the loader, counted over all epochs. */
  readonly position: number;
  readonly error: string;
  /** Id of the sample in its place; null when it was masked. */
  readonly replaced_by: number | null;
}

/** What a checkpoint keeps of a loader's faults. */
export interface FaultState {
  readonly total: number;
  readonly epoch: number;
  readonly inEpoch: number;
  readonly consecutive: number;
  readonly last: number;
  /** Positions with the ids that took their place, null for a mask. */
  readonly replaced: readonly (readonly [position: number, id: number | null])[];
}

export interface FaultLedgerOptions {
  readonly policy: FaultPolicy;
  readonly limits: FaultLimits;
  readonly stage: Stage;
  readonly names: readonly string[];
  readonly samplesPerEpoch: number;
}

/** What the ledger must know of a batch. */
export interface FaultyBatch {
  /** Position of its first sample. */
  readonly position: number;
  readonly faults: readonly SlotFault[];
  readonly placeOf: (slot: number) => Place;
}

/**
 * Counts the samples of a loader that could not be read, reports them, and remembers what took
 * their place: the same position gives the same batch again, also when the sample can be read by
 * then.
 */
export class FaultLedger {
  readonly #options: FaultLedgerOptions;
  readonly #replaced = new Map<number, number | null>();
  readonly #firstErrors: string[] = [];
  #context: LoaderContext | undefined;
  #total = 0;
  #epoch = 0;
  #inEpoch = 0;
  #consecutive = 0;
  #last = -1;

  constructor(options: FaultLedgerOptions) {
    this.#options = options;
  }

  attach(context: LoaderContext): void {
    this.#context = context;
  }

  /** Faults so far, repeated ones not counted. */
  get total(): number {
    return this.#total;
  }

  /** What is known to be replaced among the samples from a position on; undefined for nothing. */
  replacements(position: number, size: number): Replacements | undefined {
    if (this.#replaced.size === 0) return undefined;
    const found = new Map<number, number | null>();
    for (let slot = 0; slot < size; slot++) {
      const id = this.#replaced.get(position + slot);
      if (id !== undefined) found.set(slot, id);
    }
    return found.size === 0 ? undefined : found;
  }

  /** A pass over an epoch begins at a position. */
  enter(position: number): void {
    const { samplesPerEpoch } = this.#options;
    const epoch = Math.floor(position / samplesPerEpoch);
    if (epoch === this.#epoch && position % samplesPerEpoch !== 0) return;
    this.#epoch = epoch;
    this.#inEpoch = 0;
  }

  /** @throws UsageError (ERR_DATA_FAULTS) once there are more than the limits allow */
  accept({ position, faults, placeOf }: FaultyBatch): void {
    for (const { slot, error, replacement } of faults.toSorted((a, b) => a.slot - b.slot)) {
      const at = position + slot;
      this.#inEpoch++;
      this.#consecutive = at === this.#last + 1 ? this.#consecutive + 1 : 1;
      this.#last = at;
      const known = this.#replaced.has(at);
      this.#remember(at, replacement);
      if (!known) this.#report(at, placeOf(slot), error ?? 'unreadable', replacement);
      this.#checkLimits();
    }
  }

  /** A pass over an epoch has ended, or was left. */
  leave(): void {
    if (this.#inEpoch === 0) return;
    const { policy, stage, samplesPerEpoch } = this.#options;
    const count = (value: number): string => value.toLocaleString('en-US');
    this.#context?.line(
      `Faults: ${count(this.#inEpoch)} of ${count(samplesPerEpoch)} samples (${stage}, epoch ${this.#epoch}) could not be read and were ${verb(policy)}; ${count(this.#total)} so far${this.#where()}`,
    );
  }

  stateDict(): FaultState | undefined {
    if (this.#total === 0) return undefined;
    return {
      total: this.#total,
      epoch: this.#epoch,
      inEpoch: this.#inEpoch,
      consecutive: this.#consecutive,
      last: this.#last,
      replaced: [...this.#replaced],
    };
  }

  loadStateDict(state: FaultState): void {
    this.#total = state.total;
    this.#epoch = state.epoch;
    this.#inEpoch = state.inEpoch;
    this.#consecutive = state.consecutive;
    this.#last = state.last;
    this.#replaced.clear();
    for (const [position, id] of state.replaced) this.#replaced.set(position, id);
  }

  #remember(position: number, replacement: number | null): void {
    this.#replaced.set(position, replacement);
    if (this.#replaced.size <= remembered) return;
    this.#replaced.delete(this.#replaced.keys().next().value as number);
  }

  #report(position: number, place: Place, error: string, replacement: number | null): void {
    const { names, stage, policy, samplesPerEpoch } = this.#options;
    const record: FaultRecord = {
      dataset: names[place.dataset],
      id: place.id,
      stage,
      epoch: Math.floor(position / samplesPerEpoch),
      position,
      error,
      replaced_by: replacement,
    };
    this.#total++;
    const text = `sample ${record.id} of dataset "${record.dataset}": ${error}`;
    if (this.#firstErrors.length < quoted) this.#firstErrors.push(text);
    const { dir } = this.#context ?? {};
    if (typeof dir === 'string') {
      appendFileSync(join(dir, faultReportName), `${JSON.stringify(record)}\n`);
    }
    if (this.#total > 1) return;
    this.#context?.line(
      `Warning: a sample could not be read and is ${verb(policy)} (${text})${this.#where()}`,
    );
  }

  #where(): string {
    return typeof this.#context?.dir === 'string' ? `; see ${faultReportName}` : '';
  }

  #checkLimits(): void {
    const { limits } = this.#options;
    const counts = [
      ['per_epoch', this.#inEpoch, limits.perEpoch, 'in this epoch'],
      ['consecutive', this.#consecutive, limits.consecutive, 'one after the other'],
      ['total', this.#total, limits.total, 'in the run'],
    ] as const;
    const exceeded = counts.filter(([, count, limit]) => limit !== null && count > limit);
    if (exceeded.length === 0) return;
    const all = counts.map(
      ([key, count, limit, what]) =>
        `${count} ${what} (fault_limits.${key}: ${limit === null ? 'none' : limit})`,
    );
    throw new UsageError(
      'ERR_DATA_FAULTS',
      `Too many samples could not be read: ${all.join(', ')}. First ${this.#firstErrors.join('; ')}. ` +
        `Repair or remove them${this.#where()}, or raise fault_limits.${exceeded[0][0]}.`,
    );
  }
}

function verb(policy: FaultPolicy): string {
  return policy === 'mask' ? 'masked' : 'replaced by another';
}
