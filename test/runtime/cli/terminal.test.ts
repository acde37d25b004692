import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { makeProject } from './fakeHost.ts';
import { hasTmux, TmuxPane } from './tmuxPane.ts';

const node = `${process.execPath} --import tsx`;
const slow = '--data.delay_ms 50 --trainer.max_epochs 500';
const modes = 'stty -a | tr " ;" "\\n\\n" | grep -x -E -e "-?(echo|icanon|isig)" | sort';
const inOrder = 'echo icanon isig';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const panes: TmuxPane[] = [];

function open(cwd: string): TmuxPane {
  const pane = new TmuxPane(cwd);
  panes.push(pane);
  return pane;
}

afterEach(() => {
  for (const pane of panes.splice(0)) pane.close();
});

// A terminal cannot be imitated well enough: without tmux these say so and are left out.
(hasTmux ? describe : describe.skip)('a real terminal (needs tmux)', () => {
  it('saves when its window is closed', async () => {
    const cwd = makeProject();
    const pane = open(cwd);
    pane.line(`${node} train.ts fit --config line.yaml ${slow}`);
    await pane.waitFor(/^Epoch 1\/500 .*100%/m);
    pane.close();
    const run = join(cwd, 'runs/Line/version_0');
    const status = (): string | undefined =>
      (JSON.parse(readFileSync(join(run, 'run.json'), 'utf8')) as { status: string }).status;
    for (let round = 0; round < 200 && status() === 'running'; round++) await pause(50);
    expect(status()).toBe('interrupted');
    expect(readdirSync(join(run, 'checkpoints'))).toContainEqual(
      expect.stringMatching(/^interrupt-step=\d+\.safetensors$/),
    );
  });

  it('takes keys, ignores a paste, survives Ctrl-Z, and prints a command that resumes', async () => {
    const cwd = makeProject();
    const pane = open(cwd);
    pane.line(`${node} train.ts fit --config line.yaml ${slow}`);
    await pane.waitFor(/^Keys: p pause/m);
    await pane.waitFor(/^Epoch 1\/500 .*100%/m);
    pane.paste('pqqp');
    await pause(200);
    pane.keys('s');
    const saved = await pane.waitFor(/^Saved (.*save-step=\d+\.safetensors)$/m);
    expect(existsSync(saved)).toBe(true);

    pane.keys('C-z');
    await pane.waitFor(/Stopped|suspended/);
    expect(await pane.ask(modes)).toBe(inOrder);
    expect(pane.showsCursor).toBe(true);
    pane.line('fg');
    const stopped = pane.text().length;
    await pane.waitFor(/^Epoch \d+\/500 .*100%/m, stopped);

    pane.resize(44);
    await pause(400);
    // One live line, cut instead of wrapped; between two epochs there is none.
    const seen = new Set<number>();
    for (let look = 0; look < 15; look++) {
      const live = pane.rows().filter((row) => /^Epoch \d+\/500 +\d?\d% /.test(row));
      seen.add(live.length);
      await pause(30);
    }
    expect(seen).toContain(1);
    expect(Math.max(...seen)).toBe(1);
    pane.resize(100);
    pane.keys('p');
    const command = await pane.waitFor(/^Resume with: (.*safetensors)$/m);
    expect(pane.text()).toContain('Training paused: key p');
    expect(await pane.ask('echo code $?')).toBe('code 0');
    expect(await pane.ask(modes)).toBe(inOrder);
    expect(pane.showsCursor).toBe(true);

    pane.line(command);
    await pane.waitFor(/^Resumed from .*pause-step=\d+\.safetensors: update \d+/m);
    await pane.waitFor(/^Keys: p pause[^]*^Keys: p pause/m);
    await pause(200);
    pane.keys('q');
    await pane.waitFor(/Training stopped: stopped by key/);
  }, 120_000);

  it('is asked before the cache is cleared', async () => {
    const cwd = makeProject();
    const entry = join(cwd, 'cache/lightbox-data', 'f'.repeat(32));
    mkdirSync(entry, { recursive: true });
    writeFileSync(join(entry, 'lightbox-entry'), '');
    const pane = open(cwd);
    const clear = `LIGHTBOX_CACHE=cache ${node} train.ts data clear --all; echo ended with $?`;
    pane.line(clear);
    await pane.waitFor(/^Remove 1 entry .*\[y\/N\]$/m);
    await pause(300);
    pane.keys('n');
    expect(await pane.waitFor(/^ended with (\d+)$/m)).toBe('1');
    expect(pane.text()).toContain('Nothing was removed.');
    expect(existsSync(entry)).toBe(true);

    const before = pane.text().length;
    pane.line(clear);
    await pane.waitFor(/^Remove 1 entry .*\[y\/N\]$/m, before);
    await pause(300);
    pane.keys('y');
    expect(await pane.waitFor(/^ended with (\d+)$/m, before)).toBe('0');
    expect(existsSync(entry)).toBe(false);
  }, 120_000);

  it('is put in order after an exception, process.exit, SIGTERM and Ctrl-C', async () => {
    const ends = [
      { end: 'setTimeout(() => { throw new Error("boom"); })', said: /boom/, code: '1' },
      { end: 'process.exit(3)', said: /ended with 3/, code: '3' },
      { end: 'void Promise.reject(new Error("lost"))', said: /lost/, code: '1' },
      { end: "process.kill(process.pid, 'SIGTERM')", said: /Resume with:/, code: '143' },
      { end: '', key: 'C-c', said: /Resume with:/, code: '130' },
    ];
    await Promise.all(
      ends.map(async ({ end, said, code, key }) => {
        const cwd = makeProject();
        writeFileSync(join(cwd, 'ends.ts'), programThat(end));
        const own = open(cwd);
        own.line(`${node} ends.ts fit --config line.yaml ${slow}; echo ended with $?`);
        await own.waitFor(/^Keys: p pause/m);
        if (key !== undefined) {
          await own.waitFor(/^Epoch 1\/500 .*100%/m);
          own.keys(key);
        }
        expect(await own.waitFor(/^ended with (\d+)$/m)).toBe(code);
        expect(own.text()).toMatch(said);
        expect(await own.ask(modes)).toBe(inOrder);
        expect(own.showsCursor).toBe(true);
      }),
    );
  }, 120_000);
});

/** A training that does something in the middle of it, while keys are read. */
function programThat(end: string): string {
  const cli = join(import.meta.dirname, '../../../runtime/src/cli/index.ts');
  return `
    import { LightboxCLI } from '${cli}';
    const onTrainBatchEnd = ({ globalStep }) => { if (globalStep === 12) { ${end} } };
    new LightboxCLI({ trainerDefaults: { callbacks: [{ onTrainBatchEnd }] } });`;
}
