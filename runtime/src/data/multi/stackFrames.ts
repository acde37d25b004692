import type { HostBatch } from '../../core/batch.ts';
import { isPlainObject } from '../../core/json.ts';
import { UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';
import type { BatchReader, Column, ReadRequest } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { collateSamples } from '../loader/collate.ts';
import { asTransform, type Transform, type TransformLike } from '../transforms/transform.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';
import { FrameWindows } from './frameWindows.ts';

/** Name of the field with the frames that follow the context. */
export function targetName(field: string): string {
  return `${field}_target`;
}

export interface StackFramesOptions {
  readonly contextLength: number;
  /** Applied to each frame; all frames of a window get the same random numbers. */
  readonly transform?: TransformLike | undefined;
  /** Whether the transform may draw random numbers: in training. */
  readonly train: boolean;
  /** Declared types of the frames' fields. */
  readonly columns?: Readonly<Record<string, Column>> | undefined;
}

/**
 * Makes one sample of the frames of a window: each field [contextLength, ...], and beside it
 * `<field>_target` [arSteps, ...] with the frames that follow.
 */
export class StackFrames implements Transform<readonly unknown[], unknown> {
  readonly name: string;
  readonly version = 1;
  readonly random: boolean;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly #options: StackFramesOptions;
  readonly #inner: Transform | undefined;

  constructor(options: StackFramesOptions) {
    this.#options = options;
    this.#inner = options.transform && asTransform(options.transform);
    this.name = this.#inner?.name ?? 'stack_frames';
    this.random = this.#inner?.random ?? false;
    const { name, version, parameters } = this.#inner ?? {};
    this.parameters = { contextLength: options.contextLength, name, version, parameters };
  }

  apply(frames: readonly unknown[], rng: Rng): unknown {
    const { contextLength } = this.#options;
    const changed = frames.map((frame) => this.#change(frame, rng));
    const context = this.#stack(changed.slice(0, contextLength));
    if (frames.length === contextLength) return context;
    const target = this.#stack(changed.slice(contextLength));
    const entries = Object.entries(target).map(([name, value]) => [targetName(name), value]);
    return { ...context, ...Object.fromEntries(entries) } as unknown;
  }

  fuse(dataset: Dataset): BatchReader | undefined {
    if (!(dataset instanceof FrameWindows)) return undefined;
    const { base } = dataset;
    const reader = this.#inner === undefined ? base.reader?.() : this.#inner.fuse?.(base);
    return reader && windowReader(dataset, reader);
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<StackFrames>(this, StackFrames, ['apply', 'fuse'], () => ({
      module: import.meta.url,
      name: 'StackFrames',
      args: [this.#options],
    }));
  }

  #change(frame: unknown, rng: Rng): unknown {
    if (this.#inner === undefined) return frame;
    // Folding starts the same draws anew for every frame; in evaluation nothing may be drawn.
    return this.#inner.apply(frame, this.#options.train ? frameRng(rng) : rng);
  }

  #stack(frames: readonly unknown[]): Record<string, HostBatch> {
    const stacked = collateSamples(frames, {
      columns: this.#options.columns ?? {},
      describe: (row) => `frame ${row} of a window`,
    });
    if (isPlainObject(stacked) && !('shape' in stacked && 'dtype' in stacked)) return stacked;
    throw new UsageError(
      'ERR_DATA_MISMATCH',
      'Windows (context_length, ar_steps) need frames that are objects with named fields.',
    );
  }
}

function frameRng(rng: Rng): Rng {
  return rng.fold('frame');
}

/** Frames of a context lie one after the other in a batch: they are read where they belong. */
function windowReader({ windows, options }: FrameWindows, frames: BatchReader): BatchReader {
  const { contextLength, arSteps } = options;
  const stacked = (count: number, nameOf: (field: string) => string): [string, Column][] =>
    Object.entries(frames.columns).map(([name, { dtype, shape }]) => [
      nameOf(name),
      { dtype, shape: [count, ...shape] },
    ]);
  const columns = Object.fromEntries([
    ...stacked(contextLength, (name) => name),
    ...(arSteps > 0 ? stacked(arSteps, targetName) : []),
  ]);
  const read = (request: ReadRequest, first: number, count: number, suffix: boolean): void => {
    const total = request.ids.length * count;
    const ids = new Int32Array(total);
    const slots = new Int32Array(total);
    request.ids.forEach((id, row) => {
      const { firstFrame } = windows.at(id);
      for (let frame = 0; frame < count; frame++) {
        ids[row * count + frame] = firstFrame + first + frame;
        slots[row * count + frame] = request.slots[row] * count + frame;
      }
    });
    const out = Object.fromEntries(
      Object.keys(frames.columns).map((name) => [
        name,
        request.out[suffix ? targetName(name) : name],
      ]),
    );
    const rng = (slot: number): Rng => frameRng(request.rng(Math.floor(slot / count)));
    frames.read({ ids, slots, out, rng });
  };
  return {
    columns,
    read: (request) => {
      read(request, 0, contextLength, false);
      if (arSteps > 0) read(request, contextLength, arSteps, true);
    },
  };
}
