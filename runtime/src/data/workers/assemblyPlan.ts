import type { MessagePort } from 'node:worker_threads';
import type { Stage } from '../../core/stage.ts';
import { UsageError } from '../../errors.ts';
import { BatchAssembler, type Source } from '../loader/batchAssembler.ts';
import type { Collate } from '../loader/collate.ts';
import type { FaultPolicy } from '../loader/faultPolicy.ts';
import { EpochPlaces } from '../loader/epochPlaces.ts';
import { SampleOrder, type Place, type SampleOrderOptions } from '../order/sampleOrder.ts';
import type { TransformLike } from '../transforms/transform.ts';
import type { Dataset } from '../dataset.ts';
import { modulesOf, pack, unpack } from './recipe.ts';

/** Everything a thread needs to make the batches of a loader; plain data. */
export interface AssemblyPlan {
  readonly sources: readonly PackedSource[];
  readonly order: SampleOrderOptions;
  readonly samplesPerEpoch: number;
  readonly batchSize: number;
  readonly bucketBatches: number;
  readonly stage: Stage;
  readonly collate: unknown;
  readonly faults: FaultPolicy | undefined;
}

interface PackedSource {
  readonly name: string;
  readonly length: number;
  readonly dataset: unknown;
  readonly transform: unknown;
}

/** What a thread is started with. */
export interface ThreadStart {
  readonly plan: AssemblyPlan;
  readonly ring: SharedArrayBuffer;
  readonly slots: number;
  /** Carries new memory of slots: `[slot, generation, buffer]`. */
  readonly port: MessagePort;
}

export interface PlanParts {
  readonly sources: readonly Source[];
  readonly order: SampleOrder;
  readonly samplesPerEpoch: number;
  readonly batchSize: number;
  readonly bucketBatches: number;
  readonly stage: Stage;
  readonly collate?: Collate | undefined;
  readonly faults?: FaultPolicy | undefined;
}

/** @throws UsageError (ERR_DATA_NOT_PORTABLE) naming what cannot go to a thread */
export function packPlan(parts: PlanParts): AssemblyPlan {
  return {
    sources: parts.sources.map(({ name, dataset, transform }) => ({
      name,
      length: dataset.length,
      dataset: pack(dataset, `dataset "${name}"`),
      transform: pack(transform, `the transform of dataset "${name}"`),
    })),
    order: parts.order.options,
    samplesPerEpoch: parts.samplesPerEpoch,
    batchSize: parts.batchSize,
    bucketBatches: parts.bucketBatches,
    stage: parts.stage,
    collate: pack(parts.collate, 'the collate function'),
    faults: parts.faults,
  };
}

/** Modules that a thread will import for a plan. */
export function planModules(plan: AssemblyPlan): string[] {
  return modulesOf([plan.sources, plan.collate]);
}

/** Rebuilds what makes batches: places of a position, and the batch of places. */
export async function openPlan(
  plan: AssemblyPlan,
): Promise<{ assembler: BatchAssembler; places: (position: number, size: number) => Place[] }> {
  const sources = await Promise.all(plan.sources.map(openSource));
  const order = new SampleOrder(plan.order);
  const collate = (await unpack(plan.collate)) as Collate | undefined;
  const assembler = new BatchAssembler({ ...plan, sources, order, collate });
  const datasets = sources.map(({ dataset }) => dataset);
  const places = new EpochPlaces({ ...plan, order, datasets });
  return {
    assembler,
    places: (position, size) => places.of(position, size),
  };
}

async function openSource(source: PackedSource): Promise<Source> {
  const dataset = (await unpack(source.dataset)) as Dataset;
  if (dataset.length !== source.length) {
    throw new UsageError(
      'ERR_DATA_NOT_PORTABLE',
      `Dataset "${source.name}" has ${source.length} samples, but ${dataset.length} when rebuilt in a loader thread. Its recipe() must name all that decides its content.`,
    );
  }
  return {
    name: source.name,
    dataset,
    transform: (await unpack(source.transform)) as TransformLike | undefined,
  };
}
