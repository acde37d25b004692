import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { CaseName } from './workload.ts';

/** What a subject is told, one JSON object a line. */
export type Request =
  | { do: 'prepare'; case: CaseName; variant?: Variant; batchSizes?: readonly number[] }
  | { do: 'run'; steps: number; variant?: string; collectGarbage?: boolean }
  /** The trainer beside the bare loop, an update each in turn; `ms` is what each took longer. */
  | { do: 'inTurn'; variant: string }
  /** Two models, each by itself and then in turn; `ms` is the pair alone, the pair in turn, ... */
  | { do: 'turns'; case: CaseName; steps: number }
  /** Products of square matrices. */
  | { do: 'product'; size: number; steps: number };

/** Options of a PyTorch variant. */
export interface Variant {
  readonly name: string;
  readonly threads: number;
  readonly channelsLast: boolean;
  readonly fused: boolean;
  /** Attention by PyTorch's one op for it instead of products and a softmax. */
  readonly sdpa: boolean;
  /** Through torch.compile. */
  readonly compiled: boolean;
}

/** What it answers; `ms` has one entry a step. */
export type Response =
  | {
      ms: number[];
      loss?: number;
      tensors?: number;
      rssMb?: number;
      peakMb?: number;
      threads?: number;
      version?: string;
      /** Checksum of the weights after the run. */
      weights?: string;
    }
  | { error: string };

export type Answer = Exclude<Response, { error: string }>;

/** A subject in its own process, asked over standard input and output. */
export class Peer {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string, undefined>;
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // A command that cannot be started ends the lines below, which `ask` reports.
    this.#process.on('error', (error) => {
      this.#stderr += error.message;
      this.#lines.close();
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    if (this.#process.stdout === null) throw new Error('no standard output');
    this.#lines = createInterface({ input: this.#process.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** @throws Error with the subject's own message when it cannot do it */
  async ask(request: Request): Promise<Answer> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    const next: IteratorResult<string, undefined> = await this.#answers.next();
    if (next.done === true) throw new Error(`process ended: ${this.#stderr.trim()}`);
    const response = JSON.parse(next.value) as Response;
    if ('error' in response) throw new Error(response.error);
    return response;
  }

  close(): void {
    this.#process.stdin?.end();
    this.#lines.close();
    this.#process.kill();
  }
}
