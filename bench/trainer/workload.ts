// The compiled runtime, which is what projects run: tsx makes closures slower.
import { Adam, type OptimizerConfig } from '../../runtime/dist/core/optim/index.js';
import type { Loader } from '../../runtime/dist/core/loader.js';
import { TrainModule } from '../../runtime/dist/core/trainModule.js';
import * as tf from '../../runtime/dist/engine/tf.js';
import type { Workload } from './subjects.ts';

interface RegressionBatch {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

/** Dense layers with relu between them, mean squared error, Adam. */
export class Network extends TrainModule {
  readonly layers: { readonly kernel: tf.Variable; readonly bias: tf.Variable }[];
  readonly #logs: boolean;

  /** @param logs whether each step logs its loss */
  constructor({ sizes }: Workload, logs: boolean) {
    super();
    this.#logs = logs;
    this.layers = sizes.slice(1).map((units, index) => {
      const inputs = sizes[index];
      const values = wave(inputs * units, index + 1, Math.sqrt(3 / inputs));
      return {
        kernel: tf.tidy(() => tf.variable(tf.tensor(values, [inputs, units]))),
        bias: tf.tidy(() => tf.variable(tf.zeros([units]))),
      };
    });
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const { x, y } = batch as RegressionBatch;
    const loss: tf.Scalar = tf.mean(tf.square(tf.sub(this.forward(x), y)));
    if (this.#logs) this.log('loss', loss, { progBar: true });
    return loss;
  }

  override forward(input: unknown): tf.Tensor2D {
    let hidden = input as tf.Tensor2D;
    this.layers.forEach(({ kernel, bias }, index) => {
      hidden = tf.add(tf.matMul(hidden, kernel as tf.Tensor2D), bias);
      if (index + 1 < this.layers.length) hidden = tf.relu(hidden);
    });
    return hidden;
  }

  override configureOptimizers(): OptimizerConfig {
    return { optimizer: new Adam() };
  }

  dispose(): void {
    for (const { variable } of this.parameters()) variable.dispose();
  }
}

/** A loader of one epoch that notes when each batch was asked for: what lies between is a step. */
export class StampedLoader implements Loader {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  readonly samplesPerEpoch: number;
  readonly orderHash = 'bench';
  /** `performance.now()` of each request. */
  readonly stamps: number[] = [];
  /** Microseconds that all threads had computed when the measured updates began, and ended. */
  readonly computed: number[] = [];
  /** `performance.now()` when each batch was handed out: later than asked for where loops take turns. */
  readonly starts: number[] = [];
  readonly #turns: Turns | null;
  readonly #workload: Workload;
  readonly #pool;

  /** @param turns shared with a loop that runs beside this one */
  constructor(workload: Workload, turns: Turns | null = null) {
    this.#turns = turns;
    const { sizes, batchSize, warmUp, updates } = workload;
    this.#workload = workload;
    this.batchSize = batchSize;
    this.batchesPerEpoch = warmUp + updates + 1;
    this.samplesPerEpoch = this.batchesPerEpoch * batchSize;
    const [inputs, outputs] = [sizes[0], sizes[sizes.length - 1]];
    this.#pool = [1, 2, 3, 4].map((seed) => ({
      x: { data: wave(batchSize * inputs, seed, 1), shape: [batchSize, inputs], dtype } as const,
      y: { data: wave(batchSize * outputs, -seed, 1), shape: [batchSize, outputs], dtype } as const,
    }));
  }

  async *iterate(t: number) {
    const { warmUp, updates } = this.#workload;
    try {
      yield* this.#batches(t / this.batchSize, warmUp, updates);
    } finally {
      this.#turns?.end();
    }
  }

  async *#batches(first: number, warmUp: number, updates: number) {
    for (let index = first; index < this.batchesPerEpoch; index++) {
      // Asking takes longer than all that the trainer does, so it is not done for each batch.
      if (index === warmUp || index === warmUp + updates) {
        const { user, system } = process.cpuUsage();
        this.computed.push(user + system);
      }
      this.stamps.push(performance.now());
      const data = this.#pool[index % this.#pool.length];
      await this.#turns?.take();
      this.starts.push(performance.now());
      yield {
        size: this.batchSize,
        data: {
          x: { ...data.x, shape: [...data.x.shape] },
          y: { ...data.y, shape: [...data.y.shape] },
        },
      };
    }
  }

  /** Milliseconds of one update: mean by the clock and of computing, and the median by the clock. */
  perUpdate(): { wall: number; cpu: number; typical: number } {
    const { warmUp, updates } = this.#workload;
    const { stamps, computed } = this;
    const steps = stamps.slice(warmUp + 1, warmUp + updates + 1);
    const each = steps.map((stamp, index) => stamp - stamps[warmUp + index]);
    return {
      typical: each.toSorted((a, b) => a - b)[each.length >> 1],
      wall: (stamps[warmUp + updates] - stamps[warmUp]) / updates,
      cpu: (computed[1] - computed[0]) / updates / 1000,
    };
  }
}

/** Milliseconds that each measured update took longer in one of two loops that took turns. */
export function addedInTurn(
  loop: StampedLoader,
  bare: StampedLoader,
  workload: Workload,
): number[] {
  const { warmUp, updates } = workload;
  const took = ({ stamps, starts }: StampedLoader, index: number): number =>
    stamps[index + 1] - starts[index];
  return Array.from({ length: updates }, (_, at) => {
    return took(loop, warmUp + at) - took(bare, warmUp + at);
  });
}

/** Lets two loops in one process do an update each, one after the other. */
export class Turns {
  #waiting: (() => void) | null = null;
  #ended = false;

  /** To be called when an update is over; fulfilled when the other loop has done its own. */
  async take(): Promise<void> {
    if (this.#ended) return;
    // V8 collects the garbage of both loops in a turn of the event loop. Only one of them takes
    // turns of its own; here, neither pays for the other.
    await new Promise((resolve) => setImmediate(resolve));
    const other = this.#waiting;
    const turn = new Promise<void>((resolve) => (this.#waiting = resolve));
    other?.();
    await turn;
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.();
  }
}

const dtype = 'float32';

/** Numbers in -scale .. scale that look random and are the same everywhere. */
function wave(count: number, seed: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    const value = Math.sin(index * 12.9898 + seed * 78.233) * 43758.5453;
    return scale * (2 * (value - Math.floor(value)) - 1);
  });
}
