import * as tf from '@tensorflow/tfjs-core';
import { counters } from '../counters.ts';
import { notify } from '../notices.ts';
import type { ParameterArena } from '../arena/parameterArena.ts';
import { graphName, trace } from '../trace.ts';
import { activeOrt } from '../storage.ts';
import type { OrtBackend } from '../ort/backend.ts';
import type { Entry } from '../ort/entry.ts';
import type { Rng } from '../../random/index.ts';
import { policy } from '../ort/policy.ts';
import { Capture } from './capture.ts';
import { ReplayPlan, type ReplayedStep } from './replayPlan.ts';
import { describeStep, differenceOf, type RecordedStep, type Template } from './template.ts';

/** One step, as the caller offers it. */
export interface StepCall {
  /** What decides the graph beside shapes and types: the round, plain values of the batch. */
  readonly guard: string;
  readonly batch: readonly tf.Tensor[];
  readonly arena: ParameterArena;
  readonly random: Pick<Rng, 'uniform'>;
  /** True where the surroundings changed, as at the start of an epoch: worth looking again soon. */
  readonly boundary: boolean;
  /** Runs the step with this generator, leaving its gradients in the arena. */
  record(random: Pick<Rng, 'uniform'>): RecordedStep;
  /** Why the recorded step cannot be replayed although the back end saw no reason. */
  objection(): string | null;
}

/** Steps recorded alike before one is replayed. */
const LEARNING = 3;
/** Replays after which a step is recorded again and compared. */
const TRUST = 500;
/** The same at a boundary. */
const TRUST_AT_BOUNDARY = 20;
/** Recordings that differ before some agree, after which a step is given up. */
const PATIENCE = 4;
/** Kinds of batches that are remembered. */
const MOST_KINDS = 32;

interface Kind {
  template: Template | null;
  alike: number;
  different: number;
  plan: ReplayPlan | null;
  sinceCheck: number;
  givenUp: boolean;
}

/**
 * Replays training steps: the first ones are recorded and compared; from then on the graph runs
 * with new batches and new randomness, without the step's JavaScript.
 */
export class StepReplay {
  readonly #name: string;
  readonly #kinds = new Map<string, Kind>();

  readonly #tune: boolean;

  /**
   * @param name of the step in messages
   * @param tune whether its graphs are compiled in several ways, to keep the quickest
   */
  constructor(name: string, tune = false) {
    this.#name = name;
    this.#tune = tune;
  }

  /** Runs a step; the result says whether it was replayed, and then holds its values. */
  run(call: StepCall): ReplayedStep | null {
    const backend = activeOrt();
    if (backend === undefined) {
      call.record(call.random);
      return null;
    }
    const kind = this.#kindOf(call);
    const replayed = this.#replay(kind, call, backend);
    if (replayed !== null) return replayed;
    if (kind.givenUp) call.record(call.random);
    else this.#record(kind, call, backend);
    return null;
  }

  #replay(kind: Kind, call: StepCall, backend: OrtBackend): ReplayedStep | null {
    const { plan } = kind;
    if (plan === null) return null;
    if (kind.sinceCheck >= (call.boundary ? TRUST_AT_BOUNDARY : TRUST)) return null;
    const result = plan.run(backend, call.batch, call.random);
    if (result === null) return null;
    kind.sinceCheck++;
    counters.replays++;
    return result;
  }

  #record(kind: Kind, call: StepCall, backend: OrtBackend): void {
    backend.flush();
    const variables = variablesOf(backend);
    const batch = new Map(
      call.batch.map((tensor, index) => [backend.entryOf(tensor.dataId), index] as const),
    );
    const capture = new Capture();
    backend.observer = capture;
    const { stackTraceLimit } = Error;
    // TensorFlow.js alone is more than ten frames deep.
    Error.stackTraceLimit = 60;
    let recorded: RecordedStep;
    policy.tuning = this.#tune;
    try {
      recorded = call.record(capture.watch(call.random));
    } finally {
      policy.tuning = false;
      backend.observer = null;
      Error.stackTraceLimit = stackTraceLimit;
    }
    capture.finish();
    const around = { backend, batch, variables, arena: call.arena };
    const template = call.objection() ?? describeStep(capture, recorded, around);
    this.#compare(kind, template);
  }

  #compare(kind: Kind, template: Template | string): void {
    kind.sinceCheck = 0;
    const difference =
      typeof template === 'string'
        ? template
        : kind.template === null
          ? null
          : differenceOf(kind.template, template);
    if (difference !== null) {
      // A step may build layers or fill caches the first time it runs, so one reason is not enough.
      kind.different += typeof template === 'string' ? PATIENCE / 2 : 1;
      kind.alike = 0;
      kind.plan = null;
      kind.template = null;
      if (kind.different >= PATIENCE) this.#giveUp(kind, difference);
    }
    if (typeof template === 'string' || kind.givenUp) return;
    kind.template = template;
    kind.alike++;
    const event = kind.alike >= LEARNING ? 'replaying' : 'recorded';
    trace({ event, step: this.#name, graph: graphName(template.key) });
    if (kind.alike >= LEARNING) {
      kind.plan = new ReplayPlan(template);
      if (difference === null) kind.different = 0;
    }
  }

  #giveUp(kind: Kind, reason: string): void {
    kind.givenUp = true;
    kind.template = null;
    counters.unreplayable++;
    trace({ event: 'unreplayable', step: this.#name, reason });
    notify({
      kind: 'unreplayed',
      subject: `${this.#name}: ${reason}`,
      message: `${this.#name} is recorded anew each time instead of replayed: ${reason}.`,
    });
  }

  #kindOf({ guard, batch }: StepCall): Kind {
    let key = guard;
    for (const { dtype, shape } of batch) key += `|${dtype}${shape.join()}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = {
        template: null,
        alike: 0,
        different: 0,
        plan: null,
        sinceCheck: 0,
        givenUp: false,
      };
    } else {
      this.#kinds.delete(key);
    }
    this.#kinds.set(key, kind);
    const [oldest] = this.#kinds.keys();
    if (this.#kinds.size > MOST_KINDS) this.#kinds.delete(oldest);
    return kind;
  }
}

/** Every variable that exists, by its entry: a step may use some that no module holds. */
function variablesOf(backend: OrtBackend): Map<Entry, tf.Variable> {
  const variables = Object.values(tf.engine().registeredVariables);
  return new Map(variables.map((variable) => [backend.entryOf(variable.dataId), variable]));
}
