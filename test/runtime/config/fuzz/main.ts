import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectCommands } from '../../../../runtime/src/cli/commands/index.ts';
import type { Host } from '../../../../runtime/src/cli/host.ts';
import { runCommandLine } from '../../../../runtime/src/cli/runCommandLine.ts';
import { noSignals, silentTerminal } from '../../../../runtime/src/core/ports.ts';
import { Dice } from './dice.ts';
import { judge } from './judge.ts';
import { drawCase, type FuzzCase } from './mutations.ts';

// `main.ts FIRST LAST`: tries the cases with these numbers and prints a JSON line for each. In a
// process of its own, so that one that hangs can be ended by who started this.
const projectRoot = fileURLToPath(new URL('../project', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'lightbox-fuzz-'));
const [first, last] = process.argv.slice(2).map(Number);

for (let number = first; number < last; number++) {
  const drawn = drawCase(new Dice(`config ${String(number)}`));
  process.stdout.write(`${JSON.stringify({ started: number, kind: drawn.kind })}\n`);
  const start = performance.now();
  const { code, said } = await attempt(drawn);
  const ms = performance.now() - start;
  const verdict = judge(drawn, code, said);
  process.stdout.write(`${JSON.stringify({ number, kind: drawn.kind, ms, code, ...verdict })}\n`);
}

async function attempt(drawn: FuzzCase): Promise<{ code: number; said: string }> {
  writeFileSync(join(cwd, 'a.yaml'), drawn.text);
  const said: string[] = [];
  const ignore = (): void => undefined;
  const host: Host = {
    terminal: { ...silentTerminal, restore: ignore },
    signals: noSignals,
    env: { ...drawn.environment },
    cwd,
    script: undefined,
    args: [],
    print: ignore,
    warn: (text) => {
      said.push(text);
    },
  };
  const program = { name: 'lightbox', commands: projectCommands, project: { projectRoot } };
  const args = ['fit', '--config', 'a.yaml', '--print_config', ...drawn.flags];
  const code = await runCommandLine(args, program, host);
  return { code, said: said.join('\n') };
}
