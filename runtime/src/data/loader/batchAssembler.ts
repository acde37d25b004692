import type { HostBatch, HostTensor } from '../../core/batch.ts';
import type { Stage } from '../../core/stage.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';
import { allocateColumn, type BatchReader, type Column } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import type { Place, SampleOrder } from '../order/sampleOrder.ts';
import {
  asTransform,
  evaluationRng,
  randomInEvaluation,
  type Transform,
  type TransformLike,
} from '../transforms/transform.ts';
import { collateSamples, type Collate, type CollateContext } from './collate.ts';
import { validField, type FaultPolicy, type Replacements, type SlotFault } from './faultPolicy.ts';
import { isPromise, Rescue } from './rescue.ts';
import { rescueRows } from './rescueRows.ts';
import { zerosLike } from './zerosLike.ts';

/** A dataset under its name with what is done to its samples. */
export interface Source {
  readonly name: string;
  readonly dataset: Dataset;
  readonly transform?: TransformLike | undefined;
}

/** Memory for `rows` samples of a column. */
export type Allocate = (column: Column, rows: number) => HostTensor['data'];

export interface AssemblerOptions {
  readonly sources: readonly Source[];
  readonly order: SampleOrder;
  readonly stage: Stage;
  readonly collate?: Collate | undefined;
  /** What becomes of samples that cannot be read. Default `raise`. */
  readonly faults?: FaultPolicy | undefined;
}

/** A batch with what could not be read of it, in no particular order. */
export interface MadeBatch {
  readonly data: HostBatch;
  readonly faults: readonly SlotFault[];
}

export interface AssembleOptions {
  /** Gives memory for what a batch is put together in, with anything in it. */
  readonly allocate?: Allocate;
  /** Rows that were replaced at an earlier visit and are replaced again. */
  readonly replacements?: Replacements | undefined;
}

type Assembly = AssembleOptions & { allocate: Allocate; faults: SlotFault[] };

/**
 * Makes batches of given places. When every source can read whole batches (and no collate function
 * asks for single samples) they are read in one pass, otherwise sample by sample; both ways give
 * the same values.
 */
export class BatchAssembler {
  readonly #sources: readonly Source[];
  readonly #transforms: readonly (Transform | undefined)[];
  readonly #order: SampleOrder;
  readonly #stage: Stage;
  readonly #collate: Collate;
  readonly #readers: readonly BatchReader[] | undefined;
  /** Absent when faults are raised. */
  readonly #rescue: Rescue | undefined;

  constructor({ sources, order, stage, collate, faults = 'raise' }: AssemblerOptions) {
    this.#sources = sources;
    this.#order = order;
    this.#stage = stage;
    this.#collate = collate ?? collateSamples;
    if (faults !== 'raise') this.#rescue = new Rescue({ policy: faults, order });
    this.#transforms = sources.map(({ transform }) => transform && asTransform(transform));
    for (const transform of this.#transforms) {
      if (stage !== 'train' && transform?.random === true) {
        throw randomInEvaluation(transform.name, stage);
      }
    }
    if (collate === undefined) this.#readers = this.#findReaders();
  }

  /** True when batches are read in one pass. */
  get fused(): boolean {
    return this.#readers !== undefined;
  }

  assemble(
    places: readonly Place[],
    { allocate = allocateColumn, replacements }: AssembleOptions = {},
  ): MadeBatch | Promise<MadeBatch> {
    const faults: SlotFault[] = [];
    const done = (data: HostBatch): MadeBatch => ({
      data: this.#rescue?.policy === 'mask' ? withValidity(data, places.length, faults) : data,
      faults,
    });
    const made =
      this.#readers === undefined
        ? this.#assembleSamples(places, { allocate, replacements, faults })
        : this.#readColumns(places, this.#readers, { allocate, replacements, faults });
    return made instanceof Promise ? made.then(done) : done(made);
  }

  #findReaders(): BatchReader[] | undefined {
    const readers: BatchReader[] = [];
    for (const [index, { dataset }] of this.#sources.entries()) {
      const transform = this.#transforms[index];
      const reader = transform === undefined ? dataset.reader?.() : transform.fuse?.(dataset);
      if (reader === undefined) return undefined;
      readers.push(reader);
    }
    readers.slice(1).forEach((reader, index) => {
      checkSameColumns(this.#sources[0].name, readers[0], this.#sources[index + 1].name, reader);
    });
    return readers;
  }

  #readColumns(
    places: readonly Place[],
    readers: readonly BatchReader[],
    { allocate, replacements, faults }: Assembly,
  ): HostBatch {
    const columns = Object.entries(readers[0].columns);
    const zeros = (column: Column): HostTensor['data'] => {
      const data = allocate(column, places.length);
      return allocate === allocateColumn ? data : data.fill(0);
    };
    const out = Object.fromEntries(columns.map(([name, column]) => [name, zeros(column)]));
    const rng = (slot: number): Rng => this.#rng(places[slot]);
    readers.forEach((reader, dataset) => {
      const slots = slotsOf(dataset, places);
      if (slots.length === 0) return;
      const request = { ids: slots.map((slot) => places[slot].id), slots, out, rng };
      if (this.#rescue === undefined) reader.read(request);
      else rescueRows(reader, request, this.#rescue, { places, replacements, faults });
    });
    return Object.fromEntries(
      columns.map(([name, { dtype, shape }]) => [
        name,
        { data: out[name], shape: [places.length, ...shape], dtype },
      ]),
    );
  }

  #assembleSamples(
    places: readonly Place[],
    { allocate, replacements, faults }: Assembly,
  ): HostBatch | Promise<HostBatch> {
    const samples: unknown[] = new Array(places.length);
    const rescue = this.#rescue;
    let waiting = false;
    places.forEach((place, slot) => {
      const sample =
        rescue === undefined
          ? this.#read(place, place.id)
          : rescue.read<unknown>(
              { place, slot, replacements, faults },
              (id) => this.#read(place, id),
              zerosLike,
            );
      waiting ||= isPromise(sample);
      samples[slot] = sample;
    });
    const context = this.#context(places, allocate);
    if (!waiting) return this.#collate(samples, context);
    return Promise.all(samples).then((ready) => this.#collate(ready, context));
  }

  /** A sample with its transform; its random numbers are those of the place, whichever it is. */
  #read(place: Place, id: number): unknown {
    const transform = this.#transforms[place.dataset];
    const sample = this.#sources[place.dataset].dataset.get(id);
    if (transform === undefined) return sample;
    return isPromise(sample)
      ? sample.then((ready) => this.#apply(transform, ready, place))
      : this.#apply(transform, sample, place);
  }

  #apply(transform: Transform, sample: unknown, place: Place): unknown {
    const rng = this.#rng(place);
    if (this.#stage === 'train') return transform.apply(sample, rng);
    return transform.apply(sample, evaluationRng(rng, transform.name, this.#stage));
  }

  #rng(place: Place): Rng {
    return this.#order.rng(place, 'transform');
  }

  #context(places: readonly Place[], allocate: Allocate): CollateContext {
    return {
      // A function of the user's may keep what it gets beyond the batch.
      ...(this.#collate === collateSamples && { allocate }),
      columns: this.#sources[0].dataset.columns ?? {},
      describe: (row) =>
        `sample ${places[row].id} of dataset "${this.#sources[places[row].dataset].name}"`,
    };
  }
}

/** Adds the field that says which samples were read. */
function withValidity(data: HostBatch, size: number, faults: readonly SlotFault[]): HostBatch {
  if (!isPlainObject(data) || ArrayBuffer.isView(data.data) || validField in data) {
    throw new UsageError(
      'ERR_DATA_FAULTS',
      `faults: mask adds a field "${validField}" to every batch, so samples must be objects without a field of that name. Use faults: substitute.`,
    );
  }
  const valid = new Float32Array(size).fill(1);
  for (const { slot } of faults) valid[slot] = 0;
  return { ...data, [validField]: { data: valid, shape: [size], dtype: 'float32' } };
}

/** Fails with both datasets, the field and what differs, unless the columns are the same. */
function checkSameColumns(
  name: string,
  first: BatchReader,
  otherName: string,
  other: BatchReader,
): void {
  const describe = (reader: BatchReader, field: string): string => {
    const column = reader.columns[field];
    return column === undefined ? 'absent' : `${column.dtype} [${column.shape.join(', ')}]`;
  };
  for (const field of new Set([...Object.keys(first.columns), ...Object.keys(other.columns)])) {
    const expected = describe(first, field);
    const got = describe(other, field);
    if (expected !== got) {
      throw new UsageError(
        'ERR_DATA_MISMATCH',
        `Datasets "${name}" and "${otherName}" cannot share batches: field "${field}" is ${expected} in "${name}" and ${got} in "${otherName}". ` +
          'Give one of them a transform that makes them equal.',
      );
    }
  }
}

function slotsOf(dataset: number, places: readonly Place[]): Int32Array {
  const slots = new Int32Array(places.length);
  let count = 0;
  for (let slot = 0; slot < places.length; slot++) {
    if (places[slot].dataset === dataset) slots[count++] = slot;
  }
  return slots.subarray(0, count);
}
