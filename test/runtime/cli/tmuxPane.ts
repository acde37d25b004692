import { spawnSync } from 'node:child_process';

/** Whether real terminals can be had here. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

let opened = 0;

/** A real terminal with a shell in it, on a tmux server of its own. */
export class TmuxPane {
  readonly #socket = `lightbox-test-${String(process.pid)}-${String(opened++)}`;

  /** @param columns width of the screen */
  constructor(cwd: string, columns = 100) {
    const shell = "env -u CI -u NO_COLOR -u npm_lifecycle_event TERM=screen PS1='$ ' sh";
    const size = ['-x', String(columns), '-y', '50'];
    this.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, '-c', cwd, shell);
  }

  /** Types keys by tmux's names: `p`, `C-z`, `Enter`. */
  keys(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  /** Types a line into the shell. */
  line(text: string): void {
    this.#tmux('send-keys', '-l', text);
    this.#tmux('send-keys', 'Enter');
  }

  /** Hands text over as one piece, as a paste does. */
  paste(text: string): void {
    this.#tmux('set-buffer', text);
    this.#tmux('paste-buffer');
  }

  resize(columns: number): void {
    this.#tmux('resize-window', '-x', String(columns));
  }

  /** Everything on the screen and above it; wrapped lines are joined. */
  text(): string {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-500');
  }

  /** The rows of the screen as they are. */
  rows(): string[] {
    return this.#tmux('capture-pane', '-p').split('\n');
  }

  get showsCursor(): boolean {
    return this.#tmux('display-message', '-p', '#{cursor_flag}').trim() === '1';
  }

  /** Waits until the text fits; `after` leaves out what was there before. */
  async waitFor(pattern: RegExp, after = 0, seconds = 40): Promise<string> {
    const end = performance.now() + 1000 * seconds;
    for (;;) {
      const text = this.text().slice(after);
      const found = pattern.exec(text);
      if (found !== null) return found[1] ?? found[0];
      if (performance.now() > end) throw new Error(`No ${String(pattern)} in:\n${this.text()}`);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  }

  /** Lets the shell run a command and gives what it printed. */
  async ask(command: string): Promise<string> {
    const id = `answer${String(performance.now()).replace('.', '')}`;
    this.line(`echo ${id} $(${command}) end`);
    // Typed before the shell was back, the answer may stand behind its prompt.
    return this.waitFor(new RegExp(`^(?:\\$ )?${id} (.*) end$`, 'm'));
  }

  close(): void {
    this.#tmux('kill-server');
  }

  #tmux(...args: string[]): string {
    return spawnSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8' }).stdout;
  }
}
