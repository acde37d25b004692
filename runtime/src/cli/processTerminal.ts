import { createLogUpdate } from 'log-update';
import type { Terminal } from '../core/ports.ts';

const hideCursor = '\u001B[?25l';
const showCursor = '\u001B[?25h';

/** The streams a terminal is made of. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** `NO_COLOR`, `FORCE_COLOR`, `CI`, `TERM` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A terminal that is put back in order by `restore`, whatever state it was left in. */
export interface ProcessTerminal extends Terminal {
  restore(): void;
}

/**
 * The terminal of a process: live lines only where there is a screen to redraw, plain lines in
 * pipes and CI, colours unless `NO_COLOR` says otherwise.
 */
export function createTerminal({ input, output, env }: TerminalStreams): ProcessTerminal {
  const isTTY = output.isTTY && !isSet(env.CI) && env.TERM !== 'dumb';
  const update = createLogUpdate(output, { showCursor: true });
  const keys = new KeyReader(input);
  let shown: string | null = null;
  const clear = (): void => {
    if (shown !== null) update.clear();
  };
  const end = (): void => {
    if (shown === null) return;
    update.clear();
    update.done();
    output.write(showCursor);
    shown = null;
  };
  return {
    isTTY,
    get columns() {
      return output.columns > 0 ? output.columns : 80;
    },
    color: !isSet(env.NO_COLOR) && (isTTY || isSet(env.FORCE_COLOR)),
    line(text) {
      clear();
      output.write(`${text}\n`);
      if (shown !== null) update(shown);
    },
    live(lines) {
      if (!isTTY) return;
      if (lines === null) {
        end();
        return;
      }
      if (shown === null) output.write(hideCursor);
      shown = lines.join('\n');
      update(shown);
    },
    onKey: (handler) => (isTTY ? keys.listen(handler) : () => undefined),
    restore() {
      keys.close();
      end();
    },
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/** Reads single keys; a paste or an escape sequence arrives as one chunk and is not a key. */
class KeyReader {
  readonly #input: NodeJS.ReadStream;
  readonly #handlers = new Set<(key: string) => void>();
  #isOpen = false;

  constructor(input: NodeJS.ReadStream) {
    this.#input = input;
  }

  listen(handler: (key: string) => void): () => void {
    if (!this.#input.isTTY) return () => undefined;
    if (this.#handlers.size === 0) this.#open();
    this.#handlers.add(handler);
    return () => {
      this.#handlers.delete(handler);
      if (this.#handlers.size === 0) this.close();
    };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#handlers.clear();
    this.#input.off('data', this.#read);
    this.#input.setRawMode(false);
    this.#input.pause();
  }

  #open(): void {
    this.#isOpen = true;
    this.#input.setRawMode(true);
    this.#input.on('data', this.#read);
    this.#input.resume();
    // Waiting for keys must not keep a finished process alive.
    this.#input.unref();
  }

  readonly #read = (chunk: Buffer | string): void => {
    const text = String(chunk);
    if (text === '\u0003') {
      // Raw mode takes Ctrl-C away from the system, so it is passed on by hand.
      process.kill(process.pid, 'SIGINT');
    } else if (Array.from(text).length === 1) {
      for (const handler of this.#handlers) handler(text);
    }
  };
}
