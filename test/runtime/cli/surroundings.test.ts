import { PassThrough } from 'node:stream';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { createTerminal } from '../../../runtime/src/cli/processTerminal.ts';
import { resumeCommand } from '../../../runtime/src/cli/resumeHint.ts';
import { shellQuote } from '../../../runtime/src/cli/shellQuote.ts';
import { LightboxCLI } from '../../../runtime/src/cli/index.ts';
import { silentTerminal, noSignals } from '../../../runtime/src/core/ports.ts';
import type { Host } from '../../../runtime/src/cli/host.ts';
import { Points, Line } from './project/line.ts';
import { makeProject, runIn } from './fakeHost.ts';

/** A stream that looks like a screen of `columns` columns, and what was written to it. */
function fakeScreen(isTTY: boolean) {
  const output = Object.assign(new PassThrough(), { isTTY, columns: 60, rows: 20 });
  let written = '';
  output.on('data', (chunk: Buffer) => {
    written += String(chunk);
  });
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY,
    setRawMode: (raw: boolean) => modes.push(raw),
    unref: () => undefined,
  });
  return { output, input, modes, text: () => written };
}

function terminalOn(screen: ReturnType<typeof fakeScreen>, env: Record<string, string> = {}) {
  const input = screen.input as unknown as NodeJS.ReadStream;
  return createTerminal({ input, output: screen.output as unknown as NodeJS.WriteStream, env });
}

describe('the terminal', () => {
  it('prints plain lines only where there is no screen', () => {
    const screen = fakeScreen(false);
    const terminal = terminalOn(screen);
    terminal.live(['never seen']);
    terminal.line('a line');
    terminal.restore();
    expect(screen.text()).toBe('a line\n');
    expect([terminal.isTTY, terminal.color]).toEqual([false, false]);
  });

  it.each([
    [{}, true, true],
    [{ NO_COLOR: '1' }, true, false],
    [{ CI: 'true' }, false, false],
    [{ TERM: 'dumb' }, false, false],
    [{ CI: '1', FORCE_COLOR: '1' }, false, true],
  ])('follows %j', (env, isTTY, color) => {
    const terminal = terminalOn(fakeScreen(true), env);
    expect([terminal.isTTY, terminal.color]).toEqual([isTTY, color]);
  });

  it('follows variables that a configuration sets later', () => {
    const env: Record<string, string> = {};
    const terminal = terminalOn(fakeScreen(true), env);
    expect([terminal.isTTY, terminal.color, terminal.unicode]).toEqual([true, true, true]);
    Object.assign(env, { CI: 'true', LC_ALL: 'C' });
    expect([terminal.isTTY, terminal.color, terminal.unicode]).toEqual([false, false, false]);
    env.FORCE_COLOR = '1';
    expect(terminal.color).toBe(true);
  });

  it('prints lines above live ones, and shows the cursor again', () => {
    const screen = fakeScreen(true);
    const terminal = terminalOn(screen);
    terminal.live(['bar']);
    terminal.line('above');
    terminal.restore();
    const text = screen.text();
    expect(text.lastIndexOf('above')).toBeLessThan(text.lastIndexOf('bar'));
    expect(text.startsWith('\u001B[?25l')).toBe(true);
    expect(text.endsWith('\u001B[?25h')).toBe(true);
  });

  /** Longer than keys of a paste are apart. */
  const typed = () => new Promise((resolve) => setTimeout(resolve, 70));

  it('reads single keys, ignores pastes, and leaves raw mode', async () => {
    const screen = fakeScreen(true);
    const terminal = terminalOn(screen);
    const keys: string[] = [];
    const stop = terminal.onKey?.((key) => keys.push(key));
    const type = async (...chunks: string[]): Promise<void> => {
      for (const chunk of chunks) screen.input.emit('data', Buffer.from(chunk));
      await typed();
    };
    await type('p');
    await type('pasted');
    await type('\u001B[A');
    // The bytes of a slow paste, one by one.
    await type('s', 'a', 'v', 'e');
    await type('q');
    stop?.();
    await type('v');
    expect(keys).toEqual(['p', 'q']);
    expect(screen.modes).toEqual([true, false]);
  });

  it('passes every Ctrl-C on, several in one chunk too', () => {
    const screen = fakeScreen(true);
    const terminal = terminalOn(screen);
    terminal.onKey?.(() => undefined);
    let received = 0;
    const count = (): number => ++received;
    process.on('SIGINT', count);
    const kill = jest.spyOn(process, 'kill').mockImplementation(() => {
      count();
      return true;
    });
    screen.input.emit('data', Buffer.from('\u0003\u0003'));
    kill.mockRestore();
    process.off('SIGINT', count);
    terminal.restore();
    expect(received).toBe(2);
  });

  it.each([
    [{ env: { CI: 'true' }, isTTY: true }],
    [{ env: { TERM: 'dumb' }, isTTY: true }],
    [{ env: {}, isTTY: false }],
  ])('reads no keys with %j', ({ env, isTTY }) => {
    const screen = fakeScreen(isTTY);
    expect(terminalOn(screen, env as Record<string, string>).onKey?.(() => undefined)).toBeNull();
    expect(screen.modes).toEqual([]);
  });

  it.each([
    [{}, true],
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'C' }, false],
    [{ LANG: 'en_US.UTF-8', LC_ALL: 'POSIX' }, false],
  ])('knows from %j whether blocks can be drawn', (env, unicode) => {
    expect(terminalOn(fakeScreen(true), env as Record<string, string>).unicode).toBe(unicode);
  });

  it('cuts lines that are too long for the screen, without their colours', () => {
    const screen = fakeScreen(true);
    const terminal = terminalOn(screen);
    terminal.live([`\u001B[31m${'x'.repeat(70)}\u001B[0m`]);
    terminal.restore();
    expect(screen.text()).toContain(`\u001B[31m${'x'.repeat(59)}\u001B[0m`);
    expect(screen.text()).not.toContain('x'.repeat(60));
  });

  it('draws anew when the screen gets narrower', () => {
    const screen = fakeScreen(true);
    const terminal = terminalOn(screen);
    terminal.live(['y'.repeat(50), 'z'.repeat(10)]);
    const before = screen.text().length;
    screen.output.columns = 30;
    screen.output.emit('resize');
    const after = screen.text().slice(before);
    terminal.restore();
    // One row more than lines: the first is wrapped.
    expect(after.startsWith('\u001B[2K\u001B[1A')).toBe(true);
    expect(after).toContain('y'.repeat(29));
    expect(after).not.toContain('y'.repeat(30));
    expect(screen.output.listenerCount('resize')).toBe(0);
  });
});

describe('commands to paste', () => {
  it.each([
    ['runs/a/last.safetensors', 'runs/a/last.safetensors'],
    ['runs/my net/a', "'runs/my net/a'"],
    ["it's", String.raw`'it'\''s'`],
    ['$HOME;rm', "'$HOME;rm'"],
    ['', "''"],
  ])('quote %j', (text, expected) => {
    expect(shellQuote(text, 'linux')).toBe(expected);
  });

  const host = (cwd: string, env: Record<string, string> = {}): Host => ({
    terminal: { ...silentTerminal, restore: () => undefined },
    signals: noSignals,
    env,
    cwd,
    script: join(cwd, 'scripts/train.ts'),
    args: [],
    print: () => undefined,
    warn: () => undefined,
  });

  it('use the npm script that started the run, or resume when it does not say all', () => {
    const cwd = makeProject();
    const scripts = { train: 'tsx x fit --config "a.yaml"', resume: 'tsx y' };
    const manifest = { name: 'x', scripts };
    writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest));
    const started = { overridden: false, files: ['a.yaml'] };
    const path = join(cwd, 'runs/a/last.safetensors');
    const env = { npm_lifecycle_event: 'train' };
    expect(resumeCommand(path, started, host(cwd, env))).toBe(
      'npm run train -- --ckpt_path runs/a/last.safetensors',
    );
    const resume = 'npm run resume -- --ckpt_path runs/a/last.safetensors';
    expect(resumeCommand(path, { ...started, overridden: true }, host(cwd, env))).toBe(resume);
    const files = ['a.yaml', 'runs/tune/lr.yaml'];
    expect(resumeCommand(path, { ...started, files }, host(cwd, env))).toBe(resume);
    expect(resumeCommand(path, started, host(cwd))).toBe(resume);
  });

  it('name the script in a project without npm scripts', () => {
    const cwd = makeProject();
    const path = join(cwd, 'runs/my net/last.safetensors');
    expect(resumeCommand(path, { overridden: true, files: [] }, host(cwd))).toBe(
      "npx tsx scripts/train.ts resume --ckpt_path 'runs/my net/last.safetensors'",
    );
  });
});

describe('LightboxCLI in code', () => {
  class Steeper extends Line {}
  const args = ['--config', 'line.yaml', '--trainer.max_steps', '2'];
  const quiet = (cwd: string): Host => ({
    terminal: { ...silentTerminal, restore: () => undefined },
    signals: noSignals,
    env: { LIGHTBOX__TRAINER__DEFAULT_ROOT_DIR: join(cwd, 'runs') },
    cwd,
    script: undefined,
    args: [],
    print: () => undefined,
    warn: () => undefined,
  });

  it('builds without running; callbacks of the script are always there', async () => {
    const cwd = makeProject();
    const mine = { onFitEnd: () => undefined };
    const cli = new LightboxCLI({
      run: false,
      args: [...args, '--trainer.callbacks', '[ModelSummary]'],
      host: quiet(cwd),
      trainerDefaults: { maxEpochs: 9, gradientClipVal: 1, callbacks: [mine] },
    });
    const { trainer, config } = await cli.build();
    expect(trainer.options).toMatchObject({ maxEpochs: 2, maxSteps: 2, gradientClipVal: 1 });
    expect(trainer.options.callbacks[0]).toBe(mine);
    // The one of the configuration, and the two that the command line always has.
    expect(trainer.options.callbacks).toHaveLength(4);
    expect(config.seed).toBe(42);
  });

  it('holds the configuration to the classes of the script', async () => {
    const cwd = makeProject();
    const options = { run: false, host: quiet(cwd), module: Steeper, dataModule: Points } as const;
    const named = new LightboxCLI({ ...options, args });
    await expect(named.build()).rejects.toThrow(
      /Line cannot be used: the script sets it to Steeper/,
    );
    const subclass = new LightboxCLI({ ...options, args, subclassModeModel: true });
    await expect(subclass.build()).rejects.toThrow(/it must be Steeper or a class derived from it/);
    const own = new LightboxCLI({
      ...options,
      args: ['--model.learning_rate', '0.3', '--trainer.accelerator', 'cpu'],
    });
    const { module } = await own.build();
    expect(module).toBeInstanceOf(Steeper);
    expect(module.hparams).toMatchObject({ learningRate: 0.3 });
  });
});

describe('doctor', () => {
  it('reports machine, back ends with speed, folders and packages', async () => {
    const { code, printed } = await runIn(makeProject(), ['doctor', '--json']);
    const findings = JSON.parse(printed) as { name: string; value: string; state: string }[];
    const named = (name: string) => findings.find((finding) => finding.name === name);
    expect(named('Back end ort')?.value).toMatch(/chosen .* matrix product \d+\.\d GFLOP\/s/);
    expect(named('onnxruntime')?.value).toMatch(/^\d+\.\d+\.\d+, providers: cpu/);
    expect(named('  ort')?.value).toBe('available: ONNX Runtime on the CPU');
    const missing = named('  tfjs-node');
    expect(missing?.value).toContain('npm install @tensorflow/tfjs-node@4.22.0');
    expect(missing?.state).toBe('note');
    expect(named('Run folder')?.state).toBe('good');
    expect(code).toBe(0);
  });

  it.each([
    ['LIGHTBOX_CACHE', ''],
    ['HF_HOME', 'datasets'],
  ])('prints the cache folder, and that %s decided it', async (variable, below) => {
    const cwd = makeProject();
    const { printed } = await runIn(cwd, ['doctor'], { [variable]: join(cwd, 'elsewhere') });
    const folder = join(cwd, 'elsewhere', below, 'lightbox-data');
    expect(printed).toMatch(/^ok {4}Data cache /m);
    expect(printed).toContain(` ${folder} (from ${variable}), 0 entries, `);
  });
});
