import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noSignals, silentTerminal } from '../../../runtime/src/core/ports.ts';
import type { Host } from '../../../runtime/src/cli/host.ts';
import { projectCommands } from '../../../runtime/src/cli/commands/index.ts';
import { runCommandLine } from '../../../runtime/src/cli/runCommandLine.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** A copy of a small project in a folder of its own, where runs may be left behind. */
export function makeProject(name: 'project' | 'digits' = 'project'): string {
  const template = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-cli-'));
  cpSync(template, folder, { recursive: true });
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8').replaceAll('../../../../', repository);
    writeFileSync(path, text);
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return folder;
}

/** What a command said and how it ended. */
export interface Heard {
  readonly code: number;
  readonly printed: string;
  readonly warned: string;
  readonly lines: string;
  readonly env: Record<string, string | undefined>;
}

/** Runs a command line inside this process, in `cwd`. */
export async function runIn(
  cwd: string,
  args: readonly string[],
  more: Record<string, string | undefined> = {},
): Promise<Heard> {
  // Runs go below the project's folder, whatever the working folder of the test process is.
  const env = { LIGHTBOX__TRAINER__DEFAULT_ROOT_DIR: join(cwd, 'runs'), ...more };
  const [printed, warned, lines]: string[][] = [[], [], []];
  const host: Host = {
    terminal: {
      ...silentTerminal,
      line: (text) => {
        lines.push(text);
      },
      restore: () => undefined,
    },
    signals: noSignals,
    env,
    cwd,
    script: join(cwd, 'train.ts'),
    args: [],
    print: (text) => {
      printed.push(text);
    },
    warn: (text) => {
      warned.push(text);
    },
  };
  const program = { name: 'lightbox', commands: projectCommands, project: {} };
  const code = await runCommandLine(args, program, host);
  const all = (texts: readonly string[]): string => texts.join('\n');
  return { code, printed: all(printed), warned: all(warned), lines: all(lines), env };
}
