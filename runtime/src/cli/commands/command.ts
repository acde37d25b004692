import type { FlagSpec, ParsedArguments } from '../../config/parseArguments.ts';
import type { Host } from '../host.ts';
import type { RunRequest } from '../openRun.ts';

/** What a subcommand gets. */
export interface CommandContext {
  readonly host: Host;
  readonly args: ParsedArguments;
  /** What the project's script fixed: classes, defaults. */
  readonly project: Omit<RunRequest, 'files' | 'overrides' | 'embeddedIn'>;
}

/** A subcommand of the command line. */
export interface Command {
  readonly describe: string;
  readonly flags?: Readonly<Record<string, FlagSpec>>;
  /** Words it takes after its name. Default 0. */
  readonly words?: number;
  /** False for commands that read no configuration. */
  readonly configured?: boolean;
  /** @returns the exit code */
  run(context: CommandContext): Promise<number>;
}
