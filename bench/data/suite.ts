import { fileURLToPath } from 'node:url';
import { messageOf } from '../../runtime/dist/errors.js';
import { resolveDataPath } from '../../runtime/dist/data/datasets/dataPath.js';
import { machineFacts } from '../machine.ts';
import { Peer } from '../step/peer.ts';
import { median, verdict, type Report } from '../report.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { jpegBatch, jpegFiles, openJpegs, writeJpegs } from './jpeg.ts';
import { measureMemory } from './memory.ts';
import { measureParquet } from './parquet.ts';
import {
  batchSize,
  images,
  labels,
  openPipeline,
  pipelineNames,
  takeBatches,
} from './pipelines.ts';
import { measureFirstBatch } from './firstBatch.ts';
import { openTfjsData } from './tfjsData.ts';

const batchesPerRound = 120;
const slowBatchesPerRound = 20;
const perSample = ['per-sample-0', 'per-sample-2', 'torchvision-0', 'torchvision-2'];
const variants = [...perSample, 'vectorised-0', 'vectorised-2'];

/** How many times the best per-sample PyTorch variant each pipeline is to reach. */
const targets = { composable: 1, fused: 5, 'ring-2-workers': 8 } as const;

/** One way to make batches; `run` returns samples a second. */
interface Contestant {
  readonly subject: string;
  run(): Promise<number>;
  close(): Promise<void>;
}

const cases = {
  augment: measureThroughput,
  'first-batch': measureFirstBatch,
  jpeg: measureJpeg,
  memory: measureMemory,
  parquet: measureParquet,
};

/** Loading without training: rates of pipelines, time to the first batch anywhere, memory. */
export const dataSuite: Suite = async (report, options) => {
  report.machine(machineFacts());
  for (const [name, measure] of Object.entries(cases)) {
    if (options.cases.length > 0 && !options.cases.includes(name)) continue;
    await measure(report, options);
  }
};

async function measureThroughput(report: Report, options: SuiteOptions): Promise<void> {
  const all = [
    ...pipelineNames.map(lightbox),
    tfjsData(),
    ...pythonContestants(options.python, variants),
  ];
  const rates = await race(report, 'augment', all, options);
  const best = perSample
    .map((variant) => rates.get(`pytorch-${variant}`) ?? [])
    .reduce((a, b) => (middle(b) > middle(a) ? b : a));
  if (best.length > 0) report.measure('augment', 'pytorch-best-per-sample', 'samples/s', best);
  for (const subject of pipelineNames) {
    report.compare('augment', subject, 'pytorch-best-per-sample');
    for (const peer of variants) report.compare('augment', subject, `pytorch-${peer}`);
    report.compare('augment', subject, 'tfjs-data');
  }
  for (const [subject, target] of Object.entries(targets)) {
    const rate = rates.get(subject);
    if (rate === undefined || best.length === 0) continue;
    const ratio = middle(rate) / middle(best);
    report.note(
      `${ratio.toFixed(2)} x the best per-sample PyTorch variant, target ${target} x: ${verdict(ratio >= target)}`,
      { case: 'augment', subject },
    );
  }
}

/**
 * The same files decoded to bytes here and by PIL: alone, and with as many workers by DataLoader into
 * batches. PIL's processes (`pil-2`) keep what they decode; both loaders hand it to the one that trains.
 */
async function measureJpeg(report: Report, options: SuiteOptions): Promise<void> {
  const root = await writeJpegs();
  const here = [0, 1, 2].map((workers) => jpegDecoder(root, workers));
  const variants = ['pil-1', 'pil-2', 'photos-0', 'photos-1', 'photos-2'];
  const peers = pythonContestants(options.python, variants, [root]);
  const rates = await race(report, 'jpeg', [...here, ...peers], options);
  const pairs = [0, 1, 2].map((workers) => [
    `jpeg-${workers}-workers`,
    `pytorch-photos-${workers}`,
  ]);
  for (const [subject, peer] of [['jpeg-0-workers', 'pytorch-pil-1'], ...pairs]) {
    report.compare('jpeg', subject, peer);
    const [own, theirs] = [rates.get(subject), rates.get(peer)];
    if (own === undefined || theirs === undefined) continue;
    const ratio = middle(own) / middle(theirs);
    report.note(`${ratio.toFixed(2)} x ${peer}, target 1 x: ${verdict(ratio >= 1)}`, {
      case: 'jpeg',
      subject,
    });
  }
  report.compare('jpeg', 'jpeg-2-workers', 'pytorch-pil-2');
}

/** Runs contestants in turn, round after round; those that cannot run are left out with a note. */
async function race(
  report: Report,
  testCase: string,
  all: readonly Contestant[],
  options: SuiteOptions,
): Promise<Map<string, number[]>> {
  const wanted = ({ subject }: Contestant): boolean =>
    options.subjects.length === 0 || options.subjects.some((start) => subject.startsWith(start));
  if (options.python === undefined) {
    report.note('Python was not measured: set LIGHTBOX_BENCH_PYTHON', { case: testCase });
  }
  const rates = new Map<Contestant, number[]>();
  for (const contestant of all.filter(wanted)) {
    try {
      await contestant.run();
      rates.set(contestant, []);
    } catch (error) {
      report.note(messageOf(error), { case: testCase, subject: contestant.subject });
    }
  }
  for (let round = 0; round < (options.rounds ?? 7); round++) {
    for (const [contestant, samples] of rates) samples.push(await contestant.run());
  }
  for (const contestant of all) await contestant.close();
  for (const [{ subject }, samples] of rates) {
    report.measure(testCase, subject, 'samples/s', samples);
  }
  return new Map([...rates].map(([{ subject }, samples]) => [subject, samples]));
}

function middle(samples: readonly number[]): number {
  return samples.length === 0 ? 0 : median(samples.toSorted((a, b) => a - b));
}

function jpegDecoder(root: string, numWorkers: number): Contestant {
  const warmUp = 4;
  const loader = openJpegs(root, numWorkers);
  let t = 0;
  return {
    subject: `jpeg-${numWorkers}-workers`,
    // One epoch a round: leaving it early would make the threads finish batches that nobody takes.
    async run() {
      let [batches, start] = [0, 0];
      for await (const batch of loader.iterate(t)) {
        t += batch.size;
        if (++batches === warmUp) start = performance.now();
      }
      return (1000 * jpegBatch * (batches - warmUp)) / (performance.now() - start);
    },
    close: () => loader.dispose(),
  };
}

function lightbox(name: (typeof pipelineNames)[number]): Contestant {
  const loader = openPipeline(name);
  const count = name.startsWith('composable') ? slowBatchesPerRound : batchesPerRound;
  let t = 0;
  return {
    subject: name,
    async run() {
      // Batches that threads made while the others had their turn do not count.
      t = await takeBatches(loader, t, 20);
      const start = performance.now();
      t = await takeBatches(loader, t, count);
      return (1000 * count * batchSize) / (performance.now() - start);
    },
    close: () => loader.dispose(),
  };
}

function tfjsData(): Contestant {
  let take: ((batches: number) => Promise<void>) | undefined;
  return {
    subject: 'tfjs-data',
    async run() {
      take ??= await openTfjsData(images, labels, batchSize);
      await take(2);
      const start = performance.now();
      await take(slowBatchesPerRound);
      return (1000 * slowBatchesPerRound * batchSize) / (performance.now() - start);
    },
    close: () => Promise.resolve(),
  };
}

function pythonContestants(
  python: string | undefined,
  names: readonly string[],
  more: readonly string[] = [],
): Contestant[] {
  if (python === undefined) return [];
  const script = fileURLToPath(new URL('../python/data.py', import.meta.url));
  const data = [resolveDataPath(images), resolveDataPath(labels)];
  const peer = new Peer(python, [script, ...data, ...more]);
  return names.map((variant) => ({
    subject: `pytorch-${variant}`,
    async run() {
      const steps = variant.startsWith('vectorised') ? batchesPerRound : slowBatchesPerRound;
      const { ms } = await peer.ask({ do: 'run', variant, steps });
      const total = ms.reduce((sum, time) => sum + time, 0);
      const samples = variant.startsWith('pil')
        ? jpegFiles
        : variant.startsWith('photos')
          ? ms.length * jpegBatch
          : steps * batchSize;
      return (1000 * samples) / total;
    },
    close() {
      peer.close();
      return Promise.resolve();
    },
  }));
}
