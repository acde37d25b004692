import { relative } from 'node:path';
import { findProjectRoot, projectScripts, type Host } from './host.ts';
import { shellQuote } from './shellQuote.ts';

/** How the run was started, as far as its continuation is concerned. */
export interface StartedAs {
  /** True when flags changed the configuration: those are in the checkpoint, not in a file. */
  readonly overridden: boolean;
  readonly files: readonly string[];
}

/**
 * The command that continues from a checkpoint, to be pasted into a shell in the same folder.
 * Flags of the first start are kept by the checkpoint, but files are stronger than a checkpoint:
 * so with flags the command is `resume`, which reads the checkpoint's configuration alone.
 */
export function resumeCommand(checkpoint: string, started: StartedAs, host: Host): string {
  const path = relative(host.cwd, checkpoint) || checkpoint;
  const shown = shellQuote(path.startsWith('..') ? checkpoint : path);
  const scripts = projectScripts(findProjectRoot(host.cwd));
  const event = host.env.npm_lifecycle_event;
  if (!started.overridden && event !== undefined && Object.hasOwn(scripts, event)) {
    return `npm run ${event} -- --ckpt_path ${shown}`;
  }
  if (Object.hasOwn(scripts, 'resume')) return `npm run resume -- --ckpt_path ${shown}`;
  const script = host.script === undefined ? 'scripts/train.ts' : relative(host.cwd, host.script);
  const runner = script.endsWith('.ts') ? 'npx tsx' : 'node';
  return `${runner} ${shellQuote(script)} resume --ckpt_path ${shown}`;
}
