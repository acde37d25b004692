import { fileURLToPath } from 'node:url';
import { messageOf, UsageError } from '../../runtime/src/errors.ts';
import { machineFacts } from '../machine.ts';
import { median, verdict, type Report } from '../report.ts';
import { Peer } from '../step/peer.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { subjects, workloads, type WorkloadName } from './subjects.ts';

const unit = 'us an update';

/** Of the trainer alone, and with everything on, in microseconds over the bare loop. */
const targets = { trainer: 60, '+pause': 150 } as const;

/** What has a like in Lightning: everything up to it is on in both. */
const likes: Readonly<Record<string, string>> = {
  trainer: 'lightning-barebones',
  '+logging': 'lightning+logging',
  '+bar': 'lightning+bar',
  '+checkpoint': 'lightning+checkpoint',
  '+pause': 'lightning+checkpoint',
  default: 'lightning-default',
};

/**
 * What the trainer adds to each update of a loop over the same module and loader, feature by
 * feature, and what Lightning adds to PyTorch's.
 */
export const trainerSuite: Suite = async (report, options) => {
  report.machine(machineFacts());
  if (options.python === undefined) {
    report.note('Lightning was not measured: set LIGHTBOX_BENCH_PYTHON');
  }
  for (const name of chosen(options.cases)) await runCase(report, name, options);
};

interface Contestant {
  readonly subject: string;
  /** Whose loop it is compared with. */
  readonly bare: string;
  readonly peer: Peer;
  readonly runs: { wall: number; cpu: number; typical: number }[];
  weights?: string;
}

async function runCase(report: Report, name: WorkloadName, options: SuiteOptions): Promise<void> {
  const own = new Peer(process.execPath, [
    '--expose-gc',
    ...['--import', 'tsx'],
    fileURLToPath(new URL('./worker.ts', import.meta.url)),
  ]);
  const theirs = lightning(options.python);
  try {
    const contestants: Contestant[] = [
      ...subjects.map((subject) => ({ subject, bare: 'bare-loop', peer: own, runs: [] })),
      ...theirs.map(({ subject, peer }) => ({ subject, bare: 'torch-loop', peer, runs: [] })),
    ];
    const wanted = contestants.filter(
      ({ subject, bare }) =>
        subject === bare ||
        options.subjects.length === 0 ||
        options.subjects.some((start) => subject.startsWith(start)),
    );
    const ready = await warmUp(report, name, wanted);
    for (let round = 0; round < (options.rounds ?? 15); round++) {
      // Short runs differ more than what the trainer adds, so they have more turns.
      for (let turn = 0; turn < workloads[name].turns; turn++) {
        const now = ready.filter(({ peer }) => turn === 0 || peer === own);
        // Every other round backwards, so that a machine that gets slower or faster favours nobody.
        const order = (round + turn) % 2 === 0 ? now : now.toReversed();
        for (const contestant of order) await takeTurn(name, contestant);
      }
    }
    requireEqualWeights(name, ready);
    summarise(report, name, ready);
    await measureInTurn(report, name, own, options);
  } finally {
    own.close();
    theirs[0]?.peer.close();
  }
}

/**
 * The trainer and the bare loop side by side, an update each in turn: what the machine does in
 * between hits both, so that microseconds can be told apart in updates of milliseconds.
 */
async function measureInTurn(
  report: Report,
  name: WorkloadName,
  own: Peer,
  { rounds = 5, subjects: wanted }: SuiteOptions,
): Promise<void> {
  for (const [subject, target] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.some((start) => subject.startsWith(start))) continue;
    const means: number[] = [];
    const typical: number[] = [];
    for (let round = 0; round < Math.min(rounds, 5); round++) {
      const { ms } = await own.ask({ do: 'inTurn', variant: `${name}/${subject}` });
      const added = ms.map((time) => 1000 * time).sort((a, b) => a - b);
      means.push(added.reduce((sum, each) => sum + each, 0) / added.length);
      typical.push(median(added));
    }
    report.measure(`${name}-in-turn-added`, subject, unit, means);
    report.measure(`${name}-in-turn-added-typical`, subject, unit, typical);
    const middle = median(means.toSorted((a, b) => a - b));
    report.note(`target under ${String(target)} us an update: ${verdict(middle < target)}`, {
      case: `${name}-in-turn-added`,
      subject,
    });
  }
}

function lightning(python: string | undefined): { subject: string; peer: Peer }[] {
  if (python === undefined) return [];
  const peer = new Peer(python, [fileURLToPath(new URL('../python/trainer.py', import.meta.url))]);
  const names = ['torch-loop', ...new Set(Object.values(likes))];
  return names.map((subject) => ({ subject, peer }));
}

/** One run of each that is not measured; those that cannot run are noted and left out. */
async function warmUp(
  report: Report,
  name: WorkloadName,
  contestants: readonly Contestant[],
): Promise<Contestant[]> {
  const ready: Contestant[] = [];
  for (const contestant of contestants) {
    try {
      await takeTurn(name, contestant);
      contestant.runs.length = 0;
      ready.push(contestant);
    } catch (error) {
      report.note(messageOf(error), { case: name, subject: contestant.subject });
    }
  }
  return ready;
}

async function takeTurn(name: WorkloadName, contestant: Contestant): Promise<void> {
  const { warmUp: steps } = workloads[name];
  const variant = `${name}/${contestant.subject}`;
  const { ms, weights } = await contestant.peer.ask({ do: 'run', steps, variant });
  const [wall, cpu, typical] = ms.map((time) => 1000 * time);
  contestant.runs.push({ wall, cpu, typical });
  if (weights !== undefined) contestant.weights = weights;
}

/** @throws Error when the trainer trained anything else than the loop */
function requireEqualWeights(name: string, contestants: readonly Contestant[]): void {
  const own = contestants.filter(({ weights }) => weights !== undefined);
  const different = own.filter(({ weights }) => weights !== own[0].weights);
  if (different.length === 0) return;
  throw new Error(
    `${name}: ${different.map(({ subject }) => subject).join(', ')} ended with other weights than ${own[0].subject}`,
  );
}

function summarise(report: Report, name: string, contestants: readonly Contestant[]): void {
  const over = new Map<string, number>();
  for (const { subject, bare, runs } of contestants) {
    const loop = contestants.find((other) => other.subject === bare);
    report.measure(
      name,
      subject,
      unit,
      runs.map(({ wall }) => wall),
    );
    if (loop === undefined || loop.subject === subject) continue;
    const added = runs.map(({ wall }, round) => wall - loop.runs[round].wall);
    report.measure(`${name}-added`, subject, unit, added);
    // Medians of single updates: other work on the machine moves them least, and saving now and
    // then is not in them.
    const typical = runs.map((run, round) => run.typical - loop.runs[round].typical);
    report.measure(`${name}-added-typical`, subject, unit, typical);
    const computed = runs.map(({ cpu }, round) => cpu - loop.runs[round].cpu);
    report.measure(`${name}-added-computing`, subject, unit, computed);
    over.set(subject, median(added.toSorted((a, b) => a - b)));
  }
  report.note('final weights are those of the bare loop, to the bit', { case: name });
  for (const [subject, target] of Object.entries(targets)) {
    const added = over.get(subject);
    if (added === undefined) continue;
    report.note(`target under ${String(target)} us an update: ${verdict(added < target)}`, {
      case: `${name}-added`,
      subject,
    });
  }
  for (const [subject, like] of Object.entries(likes)) {
    const [ours, theirs] = [over.get(subject), over.get(like)];
    if (ours === undefined || theirs === undefined) continue;
    report.note(`target under ${like}: ${verdict(ours < theirs)}`, {
      case: `${name}-added`,
      subject,
    });
  }
}

function chosen(wanted: readonly string[]): WorkloadName[] {
  const all = Object.keys(workloads) as WorkloadName[];
  const unknown = wanted.find((name) => !all.includes(name as WorkloadName));
  if (unknown !== undefined) {
    throw new UsageError(
      'ERR_BENCH_CASE',
      `--case: expected one of ${all.join(', ')}, got "${unknown}".`,
    );
  }
  return wanted.length === 0 ? all : (wanted as WorkloadName[]);
}
