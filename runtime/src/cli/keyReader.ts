import { suspendJob } from './jobControl.ts';

/** Bytes that come closer together than this were not typed, in milliseconds. */
const typingGap = 50;

const ctrlC = '\u0003';
const ctrlBackslash = '\u001C';
const ctrlZ = '\u001A';

/**
 * Reads single key presses in raw mode. A paste, an escape sequence or a key held down arrives as
 * several bytes at once or in quick succession: none of them counts. The keys that the system
 * handles itself outside raw mode (Ctrl-C, Ctrl-Z, Ctrl-\) keep their meaning.
 */
export class KeyReader {
  readonly #input: NodeJS.ReadStream;
  readonly #handlers = new Set<(key: string) => void>();
  readonly #beforeQuit: () => void;
  #isOpen = false;
  #waiting: { key: string | null; timer: NodeJS.Timeout } | null = null;

  /** @param beforeQuit puts the screen in order before Ctrl-\ ends the process */
  constructor(input: NodeJS.ReadStream, beforeQuit: () => void) {
    this.#input = input;
    this.#beforeQuit = beforeQuit;
  }

  get isUsed(): boolean {
    return this.#handlers.size > 0;
  }

  /** @returns how to stop; the last one to stop leaves raw mode */
  listen(handler: (key: string) => void): () => void {
    this.#handlers.add(handler);
    this.open();
    return () => {
      this.#handlers.delete(handler);
      if (this.#handlers.size === 0) this.close();
    };
  }

  /** Enters raw mode if somebody listens. */
  open(): void {
    if (this.#isOpen || !this.isUsed) return;
    this.#isOpen = true;
    this.#input.setRawMode(true);
    this.#input.on('data', this.#read);
    this.#input.resume();
    // Waiting for keys must not keep a finished process alive.
    this.#input.unref();
  }

  /** Leaves raw mode; those who listen stay, for `open`. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#forget();
    this.#input.off('data', this.#read);
    this.#input.setRawMode(false);
    this.#input.pause();
  }

  /** Leaves raw mode for good. */
  end(): void {
    this.#handlers.clear();
    this.close();
  }

  readonly #read = (chunk: Buffer | string): void => {
    const text = String(chunk);
    // Waiting out a long step, an impatient Ctrl-C comes several times in one chunk.
    for (const character of text) {
      if (character === ctrlC) process.kill(process.pid, 'SIGINT');
    }
    if (text === ctrlZ) suspendJob();
    else if (text === ctrlBackslash) this.#quit();
    else if (!text.includes(ctrlC)) this.#typed(text);
  };

  #typed(text: string): void {
    const key = Array.from(text).length === 1 && this.#waiting === null ? text : null;
    this.#forget();
    const timer = setTimeout(() => {
      this.#waiting = null;
      if (key === null) return;
      for (const handler of this.#handlers) handler(key);
    }, typingGap);
    timer.unref();
    this.#waiting = { key, timer };
  }

  #forget(): void {
    clearTimeout(this.#waiting?.timer);
    this.#waiting = null;
  }

  #quit(): void {
    this.#beforeQuit();
    process.kill(process.pid, 'SIGQUIT');
  }
}
