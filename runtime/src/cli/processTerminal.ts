import { createLogUpdate } from 'log-update';
import type { Terminal } from '../core/ports.ts';
import { isForeground, watchSuspension } from './jobControl.ts';
import { KeyReader } from './keyReader.ts';
import { lineWidth, truncateLine } from './truncateLine.ts';

const hideCursor = '\u001B[?25l';
const showCursor = '\u001B[?25h';
const eraseLineAndUp = '\u001B[2K\u001B[1A';

/** The streams a terminal is made of. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** `NO_COLOR`, `FORCE_COLOR`, `CI`, `TERM` and the locale are read. */
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
  // Asked anew each time: the environment section of a configuration is read later.
  const isTTY = (): boolean => output.isTTY && !isSet(env.CI) && env.TERM !== 'dumb';
  const screen = new LiveLines(output);
  const keys = new KeyReader(input, () => {
    restore();
  });
  let stopWatching: (() => void) | null = null;
  const restore = (): void => {
    stopWatching?.();
    stopWatching = null;
    keys.end();
    screen.show(null);
  };
  /** From the first thing on that a stop would leave behind. */
  const watch = (): void => {
    stopWatching ??= watchSuspension({
      leave: () => {
        keys.close();
        screen.suspend();
      },
      enter: (foreground) => {
        if (foreground) keys.open();
        screen.resume(foreground);
      },
    });
  };
  return {
    get isTTY() {
      return isTTY();
    },
    get columns() {
      return screen.columns;
    },
    get color() {
      return !isSet(env.NO_COLOR) && (isTTY() || isSet(env.FORCE_COLOR));
    },
    get unicode() {
      return hasUnicode(env);
    },
    line: (text) => {
      screen.line(text);
    },
    live(lines) {
      if (lines !== null && !isTTY()) return;
      if (lines !== null) watch();
      screen.show(lines);
    },
    onKey(handler) {
      if (!isTTY() || !input.isTTY || !isForeground()) return null;
      watch();
      return keys.listen(handler);
    },
    restore,
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/** Unless the locale names another encoding, as `LANG=C` does. */
function hasUnicode({ LC_ALL, LC_CTYPE, LANG }: TerminalStreams['env']): boolean {
  const locale = [LC_ALL, LC_CTYPE, LANG].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}

/** Lines at the bottom of the screen that are drawn over, below lines that stay. */
class LiveLines {
  readonly #output: NodeJS.WriteStream;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #shown: readonly string[] | null = null;
  /** As they are on the screen. */
  #drawn: readonly string[] = [];
  #suspended = false;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    this.#update = createLogUpdate(output, { showCursor: true });
  }

  get columns(): number {
    return this.#output.columns > 0 ? this.#output.columns : 80;
  }

  line(text: string): void {
    if (this.#shown !== null && !this.#suspended) this.#update.clear();
    this.#output.write(`${text}\n`);
    this.#draw();
  }

  show(lines: readonly string[] | null): void {
    if (lines === null) {
      if (this.#shown === null) return;
      this.#erase();
      this.#shown = null;
      this.#output.off('resize', this.#resized);
      return;
    }
    if (this.#shown === null) {
      this.#output.on('resize', this.#resized);
      if (!this.#suspended) this.#output.write(hideCursor);
    }
    this.#shown = lines;
    this.#draw();
  }

  suspend(): void {
    if (this.#shown !== null && !this.#suspended) this.#erase();
    this.#suspended = true;
  }

  /** @param foreground in the background nothing is drawn: another program has the screen */
  resume(foreground: boolean): void {
    if (!this.#suspended || !foreground) return;
    this.#suspended = false;
    if (this.#shown === null) return;
    this.#output.write(hideCursor);
    this.#draw();
  }

  #draw(): void {
    if (this.#shown === null || this.#suspended) return;
    const width = this.columns - 1;
    this.#drawn = this.#shown.map((line) => truncateLine(line, width));
    this.#update(this.#drawn.join('\n'));
  }

  #erase(): void {
    this.#update.clear();
    this.#update.done();
    this.#output.write(showCursor);
  }

  /** A narrower screen has wrapped the lines: their further rows go first. */
  readonly #resized = (): void => {
    if (this.#shown === null || this.#suspended) return;
    const rowsOf = (line: string): number => Math.max(1, Math.ceil(lineWidth(line) / this.columns));
    const rows = this.#drawn.reduce((sum, line) => sum + rowsOf(line), 0);
    this.#output.write(eraseLineAndUp.repeat(rows - this.#drawn.length));
    this.#update.clear();
    this.#draw();
  };
}
