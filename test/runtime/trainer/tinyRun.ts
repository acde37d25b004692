import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Signals, SignalName, Terminal } from '../../../runtime/src/core/ports.ts';
import type { TrainModule } from '../../../runtime/src/core/trainModule.ts';
import { silenceTfBanner } from './silenceTfBanner.ts';
import type { TrainerPorts } from '../../../runtime/src/trainer/ports.ts';
import { Trainer } from '../../../runtime/src/trainer/trainer.ts';
import type { TrainerOptions } from '../../../runtime/src/trainer/trainerOptions.ts';

silenceTfBanner();

/** A folder of its own under the system's temporary one. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'lightbox-trainer-'));
}

/** A terminal that keeps what it is told. */
export function recordingTerminal(options: Partial<Terminal> = {}): Terminal & {
  readonly lines: string[];
  readonly frames: (readonly string[])[];
} {
  const lines: string[] = [];
  const frames: (readonly string[])[] = [];
  return {
    isTTY: false,
    columns: 80,
    color: false,
    line: (text) => void lines.push(text),
    live: (shown) => {
      if (shown !== null) frames.push(shown);
    },
    ...options,
    lines,
    frames,
  };
}

/** Signals that a test sends itself. */
export function fakeSignals(): Signals & { send(name: SignalName): void; count(): number } {
  const handlers = new Map<SignalName, Set<() => void>>();
  return {
    on(name, handler) {
      const own = handlers.get(name) ?? new Set();
      handlers.set(name, own.add(handler));
      return () => void own.delete(handler);
    },
    send(name) {
      for (const handler of handlers.get(name) ?? []) handler();
    },
    count: () => [...handlers.values()].reduce((sum, own) => sum + own.size, 0),
  };
}

/** A quiet trainer on the plain JavaScript back end, writing to a temporary folder. */
export async function quietTrainer(
  options: TrainerOptions,
  ports: TrainerPorts = {},
): Promise<Trainer> {
  return new Trainer(
    {
      accelerator: 'cpu',
      defaultRootDir: await temporaryFolder(),
      enableProgressBar: false,
      enableModelSummary: false,
      enableCheckpointing: false,
      logger: false,
      ...options,
    },
    ports,
  );
}

/** All weights of a module, buffers included, as one list of bits. */
export function weightBits(module: TrainModule): number[] {
  return module.parameters().flatMap(({ variable }) => {
    const values = Float32Array.from(variable.dataSync());
    return [...new Uint32Array(values.buffer)];
  });
}
