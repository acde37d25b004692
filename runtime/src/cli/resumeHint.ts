import { relative, resolve } from 'node:path';
import { findProjectRoot, projectScripts, type Host } from './host.ts';
import { shellQuote } from './shellQuote.ts';

/** How the run was started, as far as its continuation is concerned. */
export interface StartedAs {
  /** True when flags or variables changed the configuration: the checkpoint has them, no file. */
  readonly overridden: boolean;
  /** Configuration files in their order. */
  readonly files: readonly string[];
}

/**
 * The command that continues from a checkpoint, to be pasted into a shell in the same folder.
 * The checkpoint has the whole configuration of the run, but files are stronger than a checkpoint:
 * so unless the run had exactly the files that its npm script names, the command is `resume`, which
 * reads the checkpoint's configuration alone.
 */
export function resumeCommand(checkpoint: string, started: StartedAs, host: Host): string {
  const path = relative(host.cwd, checkpoint) || checkpoint;
  const shown = shellQuote(path.startsWith('..') ? checkpoint : path);
  const scripts = projectScripts(findProjectRoot(host.cwd));
  const event = host.env.npm_lifecycle_event;
  if (event !== undefined && Object.hasOwn(scripts, event) && isAll(scripts[event], started)) {
    return `npm run ${event} -- --ckpt_path ${shown}`;
  }
  if (Object.hasOwn(scripts, 'resume')) return `npm run resume -- --ckpt_path ${shown}`;
  const script = host.script === undefined ? 'scripts/train.ts' : relative(host.cwd, host.script);
  const runner = script.endsWith('.ts') ? 'npx tsx' : 'node';
  return `${runner} ${shellQuote(script)} resume --ckpt_path ${shown}`;
}

/** Whether the npm script says all that the run was configured with. */
function isAll(script: string, { overridden, files }: StartedAs): boolean {
  if (overridden) return false;
  const named = Array.from(script.matchAll(configFlag), ([, ...texts]) =>
    resolve(texts.find((text) => text !== undefined) ?? ''),
  );
  const read = files.map((file) => resolve(file));
  return named.length === read.length && named.every((file, index) => file === read[index]);
}

const configFlag = /--config[= ]+(?:"([^"]*)"|'([^']*)'|(\S+))/g;
