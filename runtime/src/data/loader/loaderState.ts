import { UsageError } from '../../errors.ts';
import type { FaultState } from './faultLedger.ts';
import type { LoaderOrder } from './sampleLoader.ts';

/** Position of a loader as plain data. `t` is all there is to restore; the rest guards it. */
export interface LoaderState {
  /** Samples consumed over all epochs. */
  readonly t: number;
  readonly orderHash: string;
  /** What the hash was made of, so that a refusal can name the change. */
  readonly order?: LoaderOrder | undefined;
  /** Samples that could not be read, with what took their place. */
  readonly faults?: FaultState | undefined;
}

/** What both functions need of a loader. */
export interface OrderedLoader {
  readonly orderHash: string;
  readonly order?: LoaderOrder | undefined;
  faultState?(): FaultState | undefined;
  loadFaultState?(state: FaultState): void;
}

/** The state after `t` consumed samples. */
export function loaderState(loader: OrderedLoader, t: number): LoaderState {
  const faults = loader.faultState?.();
  return {
    t,
    orderHash: loader.orderHash,
    ...(loader.order && { order: loader.order }),
    ...(faults && { faults }),
  };
}

/**
 * The position to continue from.
 * @throws UsageError (ERR_DATA_ORDER_CHANGED) naming what changed, when the loader's order is not
 *   the one the state was made with: position `t` would be another sample
 */
export function restoreLoader(loader: OrderedLoader, state: LoaderState): number {
  if (loader.orderHash === state.orderHash) {
    if (state.faults !== undefined) loader.loadFaultState?.(state.faults);
    return state.t;
  }
  const changes = loader.order && state.order ? orderChanges(state.order, loader.order) : [];
  const what = changes.length === 0 ? 'its order hash differs' : changes.join('; ');
  throw new UsageError(
    'ERR_DATA_ORDER_CHANGED',
    `The training data is not the one this checkpoint was made with: ${what}. ` +
      `Position ${state.t} would mean other samples. Restore the old values, or start a new run from the weights alone.`,
  );
}

/** What differs between two orders, in words: `seed was 1, is 2`. */
export function orderChanges(before: LoaderOrder, now: LoaderOrder): string[] {
  const changes: string[] = [];
  const note = (what: string, old: unknown, current: unknown): void => {
    const [was, is] = [JSON.stringify(old), JSON.stringify(current)];
    if (was !== is) changes.push(`${what} was ${was}, is ${is}`);
  };
  note('order version', before.version, now.version);
  note('seed', before.seed, now.seed);
  note('shuffle', before.shuffle, now.shuffle);
  note('mixing block', before.block, now.block);
  note('stop rule', before.stop, now.stop);
  note('mixing', before.mixing ?? 'exact', now.mixing ?? 'exact');
  note('buckets of similar lengths', before.buckets ?? null, now.buckets ?? null);
  note('schedule of weights', before.schedule ?? null, now.schedule ?? null);
  note(
    'list of datasets',
    before.datasets.map(({ name }) => name),
    now.datasets.map(({ name }) => name),
  );
  for (const old of before.datasets) {
    const current = now.datasets.find(({ name }) => name === old.name);
    if (current === undefined) continue;
    note(`length of dataset "${old.name}"`, old.size, current.size);
    note(`weight of dataset "${old.name}" (of 65536)`, old.weight, current.weight);
    note(`shards of dataset "${old.name}"`, old.shards ?? null, current.shards ?? null);
    note(`content hash of dataset "${old.name}"`, old.fingerprint, current.fingerprint);
  }
  // Follows from the others, except when a batch size changed while remainders are dropped.
  if (changes.length === 0) {
    note('samples an epoch', before.samplesPerEpoch, now.samplesPerEpoch);
  }
  return changes;
}
