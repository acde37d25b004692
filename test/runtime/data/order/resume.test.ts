import { describe, expect, it } from '@jest/globals';
import type { LoadedBatch, Loader } from '../../../../runtime/src/core/loader.ts';
import type { Dataset } from '../../../../runtime/src/data/dataset.ts';
import { TensorDataset } from '../../../../runtime/src/data/datasets/tensorDataset.ts';
import { loaderState, restoreLoader } from '../../../../runtime/src/data/loader/loaderState.ts';
import { Episodes } from '../../../../runtime/src/data/multi/episodes.ts';
import { MultiDatasetModule } from '../../../../runtime/src/data/multi/multiDatasetModule.ts';
import type { MultiDatasetInput } from '../../../../runtime/src/data/multi/multiDatasetOptions.ts';
import { StreamDataset } from '../../../../runtime/src/data/streams/streamDataset.ts';
import { field } from '../batches.ts';

// Every position of tiny mixtures at which a run can end: the rest must be the uninterrupted run's.
const epochs = 3;
/** Batches that are read after each resume; the full suite reads all that are left. */
const readAhead = process.env.LIGHTBOX_TEST_FULL === '1' ? Infinity : 6;

function ids(size: number, first: number): TensorDataset {
  return new TensorDataset({ id: Int32Array.from({ length: size }, (_, i) => first + i) });
}

const textOf = (batch: LoadedBatch): string => field(batch, 'id').data.join();

/** The first batches from a position on, as text, with their positions. */
async function read(
  loader: Loader,
  t: number,
  end: number,
  most = Infinity,
): Promise<{ t: number; text: string }[]> {
  const found: { t: number; text: string }[] = [];
  let position = t;
  while (position < end && found.length < most) {
    for await (const batch of loader.iterate(position)) {
      found.push({ t: position, text: textOf(batch) });
      position += batch.size;
      if (position >= end || found.length >= most) break;
    }
  }
  return found;
}

/** What a loader says of every position of a range, without reading. */
function places(loader: Loader, t: number, end: number): string {
  const { place } = loader as unknown as { place: (t: number) => { dataset: number; id: number } };
  let text = '';
  for (let position = t; position < end; position++) {
    const { dataset, id } = place.call(loader, position);
    text += `${dataset}.${id} `;
  }
  return text;
}

async function expectExactResume(options: MultiDatasetInput): Promise<void> {
  const open = (): Loader => new MultiDatasetModule(options).trainDataloader();
  const first = open();
  const end = epochs * (first.samplesPerEpoch ?? 0);
  const whole = await read(first, 0, end);
  const texts = whole.map(({ text }) => text);
  const all = Array.from({ length: end }, (_, t) => places(first, t, t + 1));
  // The very end is a place to resume from too: the next epoch follows.
  for (const [k, t] of [...whole.map((batch) => batch.t), end].entries()) {
    const saved = JSON.parse(JSON.stringify(loaderState(first, t))) as never;
    const resumed = open();
    const start = restoreLoader(resumed, saved);
    if (places(resumed, start, end) !== all.slice(t).join('')) throw new Error(`places from ${t}`);
    const rest = await read(resumed, start, end, readAhead);
    const expected = texts.slice(k, k + rest.length);
    if (rest.map(({ text }) => text).join(';') !== expected.join(';')) {
      throw new Error(`batches from ${t}: ${rest.map(({ text }) => text).join(';')}`);
    }
    if (rest.length < 2) continue;
    // Interrupted again, somewhere in what was read.
    const again = Math.floor(rest.length / 2);
    const twice = open();
    const place = restoreLoader(twice, loaderState(resumed, rest[again].t));
    const last = await read(twice, place, end, readAhead);
    if (
      last.map(({ text }) => text).join(';') !==
      texts.slice(k + again, k + again + last.length).join(';')
    ) {
      throw new Error(`resume of a resume at ${rest[again].t}`);
    }
  }
  expect(whole.reduce((sum, { text }) => sum + text.split(',').length, 0)).toBeGreaterThanOrEqual(
    end,
  );
}

const rules = [
  { stop: 'first_exhausted' },
  { stop: 'all_exhausted' },
  { stop: 'all_exhausted_without_replacement' },
  { epochSize: 11 },
  { mixing: 'iid' },
] as const;

const cases = rules.flatMap((rule) =>
  [1, 2, 7, 100].flatMap((size) =>
    [1, 8, 32].flatMap((batchSize) =>
      [false, true]
        // Batches of one leave nothing to drop.
        .filter((dropLast) => !dropLast || batchSize > 1)
        .map((dropLast) => ({ ...rule, size, batchSize, dropLast })),
    ),
  ),
);

describe('a mixture of tiny datasets', () => {
  it.each(cases)('resumes exactly at every batch: %j', async ({ size, ...options }) => {
    const input = {
      datasets: { a: ids(size, 0), b: ids(7, 1000) },
      datasetWeights: [2, 1],
      seed: 8,
      ...options,
    };
    const { samplesPerEpoch } = new MultiDatasetModule({
      ...input,
      dropLast: false,
    }).trainDataloader();
    if (options.dropLast && (samplesPerEpoch ?? 0) < options.batchSize) {
      // Everything is dropped: that is refused, not looped over.
      expect(() => new MultiDatasetModule(input).trainDataloader()).toThrow(
        /too few for one batch/,
      );
      return;
    }
    await expectExactResume(input);
  });
});

const film = (size: number, lengths: number, first: number): Dataset =>
  new Episodes({ dataset: ids(size, first), lengths });

const stream = new StreamDataset(
  {
    lengths: [9, 4, 13],
    *open(shard, offset) {
      for (let at = offset; at < [9, 4, 13][shard]; at++) yield { id: 100 * shard + at };
    },
    columns: { id: { dtype: 'int32', shape: [] } },
  },
  { window: 3, inFlight: 2 },
);

const special: { title: string; options: MultiDatasetInput }[] = [
  {
    title: 'a schedule that changes inside and between epochs',
    options: {
      datasets: { a: ids(18, 0), b: ids(5, 1000) },
      datasetWeights: [
        { weights: [1, 0] },
        { fromSample: 7, weights: [1, 1] },
        { fromEpoch: 1, weights: [1, 3] },
        { fromSample: 40, weights: [0, 1] },
      ],
    },
  },
  {
    title: 'windows of frames with a schedule',
    options: {
      datasets: { a: film(20, 7, 0), b: film(12, 5, 1000) },
      contextLength: 2,
      arSteps: 1,
      datasetWeights: [{ weights: [1, 1] }, { fromSample: 9, weights: [1, 4] }],
    },
  },
  {
    title: 'windows without replacement',
    options: {
      datasets: { a: film(20, 7, 0), b: film(12, 5, 1000) },
      contextLength: 3,
      windowStride: 2,
      stop: 'all_exhausted_without_replacement',
    },
  },
  {
    title: 'a stream beside a table',
    options: { datasets: { stream, table: ids(11, 1000) }, stop: 'all_exhausted' },
  },
];

describe('a mixture', () => {
  it.each(
    special.flatMap((one) =>
      [1, 4].flatMap((batchSize) =>
        [false, true].map((dropLast) => ({ ...one, batchSize, dropLast })),
      ),
    ),
  )(
    'resumes exactly with $title, batches of $batchSize, drop_last $dropLast',
    async ({ options, batchSize, dropLast }) => {
      await expectExactResume({ ...options, batchSize, dropLast, seed: 3 });
    },
  );

  it('is not continued with another schedule or shape of windows', () => {
    const loader = (change: Partial<MultiDatasetInput>): never =>
      new MultiDatasetModule({ ...special[1].options, ...change }).trainDataloader() as never;
    const saved = loaderState(loader({}), 5);
    expect(() => restoreLoader(loader({ datasetWeights: null }), saved)).toThrow(
      /schedule of weights was \[\[0,.*\], is null/,
    );
    expect(() => restoreLoader(loader({ contextLength: 1, arSteps: 2 }), saved)).toThrow(
      /content hash of dataset "a"/,
    );
    expect(() => restoreLoader(loader({ datasetWeights: null, mixing: 'iid' }), saved)).toThrow(
      /mixing was "exact", is "iid"/,
    );
  });
});
