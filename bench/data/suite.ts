import { fileURLToPath } from 'node:url';
import { messageOf } from '../../runtime/src/errors.ts';
import { resolveDataPath } from '../../runtime/src/data/datasets/dataPath.ts';
import { machineFacts } from '../machine.ts';
import { Peer } from '../step/peer.ts';
import type { Report } from '../report.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { measureMemory } from './memory.ts';
import {
  batchSize,
  images,
  labels,
  openPipeline,
  pipelineNames,
  takeBatches,
} from './pipelines.ts';
import { measureFirstBatch } from './firstBatch.ts';

const batchesPerRound = 120;
const slowBatchesPerRound = 20;
const variants = ['per-sample-0', 'per-sample-2', 'vectorised-0', 'vectorised-2'];

/** One way to make batches; `run` returns samples a second. */
interface Contestant {
  readonly subject: string;
  run(): Promise<number>;
  close(): Promise<void>;
}

const cases = {
  augment: measureThroughput,
  'first-batch': measureFirstBatch,
  memory: measureMemory,
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
  const wanted = ({ subject }: Contestant): boolean =>
    options.subjects.length === 0 || options.subjects.some((start) => subject.startsWith(start));
  const all = [...pipelineNames.map(lightbox), ...pythonContestants(options.python)];
  if (options.python === undefined) {
    report.note('PyTorch was not measured: set LIGHTBOX_BENCH_PYTHON', { case: 'augment' });
  }
  const rates = new Map<Contestant, number[]>();
  for (const contestant of all.filter(wanted)) {
    try {
      await contestant.run();
      rates.set(contestant, []);
    } catch (error) {
      report.note(messageOf(error), { case: 'augment', subject: contestant.subject });
    }
  }
  for (let round = 0; round < (options.rounds ?? 7); round++) {
    for (const [contestant, samples] of rates) samples.push(await contestant.run());
  }
  for (const contestant of all) await contestant.close();
  for (const [{ subject }, samples] of rates) {
    report.measure('augment', subject, 'samples/s', samples);
  }
  for (const subject of pipelineNames) {
    for (const peer of variants) report.compare('augment', subject, `pytorch-${peer}`);
  }
  report.note(
    'JPEG decoding is not measured: the runtime has no decoder of its own and none is installed',
  );
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

function pythonContestants(python: string | undefined): Contestant[] {
  if (python === undefined) return [];
  const script = fileURLToPath(new URL('../python/data.py', import.meta.url));
  const peer = new Peer(python, [script, resolveDataPath(images), resolveDataPath(labels)]);
  return variants.map((variant) => ({
    subject: `pytorch-${variant}`,
    async run() {
      const batches = variant.startsWith('vectorised') ? batchesPerRound : slowBatchesPerRound;
      const { ms } = await peer.ask({ do: 'run', variant, steps: batches });
      const total = ms.reduce((sum, time) => sum + time, 0);
      return (1000 * batches * batchSize) / total;
    },
    close() {
      peer.close();
      return Promise.resolve();
    },
  }));
}
