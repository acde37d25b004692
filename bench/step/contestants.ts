import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Peer, type Request, type Variant } from './peer.ts';
import type { CaseName } from './workload.ts';

/** A subject with its process, and what was measured of it so far. */
export interface Contestant {
  readonly subject: string;
  readonly peer: Peer;
  readonly samples: number[];
  firstStepMs: number;
  peakMb: number;
  /** Loss of the last warm-up step, to see that all subjects train the same model. */
  warmLoss: number;
  prepare(name: CaseName): Promise<void>;
  /** Some steps in a row, added to the samples. */
  burst(): Promise<void>;
}

/** After these the losses of all subjects are compared. */
const warmSteps = 8;

/**
 * Steps in a row of the fast subjects. As many bursts run unmeasured first as it takes until
 * compilers, thread pools and allocators have settled: trainings are thousands of steps long.
 */
export const stepsPerBurst: Record<CaseName, number> = { mlp: 50, cnn: 8, gpt: 8, lstm: 8 };
const unmeasuredBursts = 4;

/** A tfjs subject of `worker.ts`. */
export function nodePeer(subject: string, steps: number, settle = false): Contestant {
  const worker = fileURLToPath(new URL('./worker.ts', import.meta.url));
  const peer = new Peer(process.execPath, ['--expose-gc', '--import', 'tsx', worker, subject]);
  return contestant(subject, peer, steps, undefined, settle);
}

/** The wanted PyTorch variants of a case, all in one process; none without an interpreter. */
export function pythonContestants(
  python: string | undefined,
  name: CaseName,
  isWanted: (subject: string) => boolean,
): Contestant[] {
  const wanted = variants(name).filter((variant) => isWanted(variant.name));
  if (python === undefined || wanted.length === 0) return [];
  const script = fileURLToPath(new URL('../python/step.py', import.meta.url));
  const peer = new Peer(python, [script]);
  return wanted.map((variant) =>
    contestant(variant.name, peer, stepsPerBurst[name], variant, true),
  );
}

function variants(name: CaseName): Variant[] {
  const threads = [...new Set([1, availableParallelism()])];
  const layouts = name === 'cnn' ? [false, true] : [false];
  const attentions = name === 'gpt' ? [false, true] : [false];
  const base = threads.flatMap((count) =>
    layouts.flatMap((channelsLast) =>
      attentions.map((sdpa) => ({ threads: count, channelsLast, sdpa })),
    ),
  );
  const eager = base.flatMap((options) =>
    [false, true].map((fused) => {
      const parts = [
        `pytorch-${String(options.threads)}t`,
        ...(options.channelsLast ? ['channels_last'] : []),
        ...(options.sdpa ? ['sdpa'] : []),
        fused ? 'fused' : 'foreach',
      ];
      return { ...options, name: parts.join('-'), fused, compiled: false };
    }),
  );
  const compiled = threads.map((count) => ({
    name: `torch-compile-${String(count)}t`,
    threads: count,
    channelsLast: name === 'cnn',
    sdpa: name === 'gpt',
    fused: true,
    compiled: true,
  }));
  return [...eager, ...compiled];
}

function contestant(
  subject: string,
  peer: Peer,
  steps: number,
  variant: Variant | undefined,
  settle: boolean,
): Contestant {
  const run = (count: number): Request => ({ do: 'run', steps: count, variant: variant?.name });
  return {
    subject,
    peer,
    samples: [],
    firstStepMs: NaN,
    peakMb: 0,
    warmLoss: NaN,
    async prepare(name) {
      await peer.ask({ do: 'prepare', case: name, variant });
      const first = await peer.ask(run(1));
      this.firstStepMs = first.ms[0];
      const warm = await peer.ask(run(warmSteps - 1));
      this.warmLoss = warm.loss ?? NaN;
      if (settle) await peer.ask(run(unmeasuredBursts * steps));
    },
    async burst() {
      // While the slow subjects had their turn, caches went cold and cores to sleep.
      if (settle) await peer.ask(run(Math.ceil(steps / 2)));
      const { ms, peakMb } = await peer.ask(run(steps));
      this.samples.push(...ms);
      this.peakMb = peakMb ?? 0;
    },
  };
}
