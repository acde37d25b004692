import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { makeProject } from './fakeHost.ts';
import { hasTmux, TmuxPane } from './tmuxPane.ts';

const node = `${process.execPath} --import tsx`;
const slow = '--data.delay_ms 50 --trainer.max_epochs 500';
const modes = 'stty -a | tr " ;" "\\n\\n" | grep -x -E -e "-?(echo|icanon|isig)" | sort';
const inOrder = 'echo icanon isig';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let pane: TmuxPane | null = null;

afterEach(() => {
  pane?.close();
  pane = null;
});

// A terminal cannot be imitated well enough: without tmux these say so and are left out.
(hasTmux ? describe : describe.skip)('a real terminal (needs tmux)', () => {
  it('takes keys, ignores a paste, survives Ctrl-Z, and prints a command that resumes', async () => {
    const cwd = makeProject();
    pane = new TmuxPane(cwd);
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
    // One live line, cut instead of wrapped.
    expect(pane.rows().filter((row) => /^Epoch \d+\/500 +\d?\d% /.test(row))).toHaveLength(1);
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
  }, 60_000);

  it.each([
    ['an uncaught exception', 'setTimeout(() => { throw new Error("boom"); })', /boom/, 1],
    ['process.exit', 'process.exit(3)', /ended with 3/, 3],
    ['SIGTERM', "process.kill(process.pid, 'SIGTERM')", /Resume with:/, 143],
  ])(
    'is put in order after %s',
    async (_what, end, said, code) => {
      const cwd = makeProject();
      const program = `
        import { LightboxCLI } from '${join(import.meta.dirname, '../../../runtime/src/cli/index.ts')}';
        const onTrainBatchEnd = ({ globalStep }) => { if (globalStep === 12) { ${end} } };
        new LightboxCLI({ trainerDefaults: { callbacks: [{ onTrainBatchEnd }] } });`;
      writeFileSync(join(cwd, 'ends.ts'), program);
      pane = new TmuxPane(cwd);
      pane.line(`${node} ends.ts fit --config line.yaml ${slow}; echo ended with $?`);
      await pane.waitFor(/^Keys: p pause/m);
      expect(await pane.waitFor(/^ended with (\d+)$/m)).toBe(String(code));
      expect(pane.text()).toMatch(said);
      expect(await pane.ask(modes)).toBe(inOrder);
      expect(pane.showsCursor).toBe(true);
    },
    30_000,
  );
});
