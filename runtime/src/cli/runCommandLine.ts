import type { MapNode } from '../config/node.ts';
import { commonFlags, parseArguments, type ParsedArguments } from '../config/parseArguments.ts';
import { reportCachesTo } from '../data/cache/fillProgress.ts';
import { traceEngine } from '../engine/index.ts';
import { didYouMean, UsageError } from '../errors.ts';
import type { Command, CommandContext } from './commands/command.ts';
import { refuseLater } from './commands/index.ts';
import { exitCodeOf, exitCodes } from './exitCodes.ts';
import { classHelp, commandHelp, overview } from './help.ts';
import { findProjectRoot, type Host } from './host.ts';
import { readRunConfig, type RunRequest } from './openRun.ts';
import { reportError } from './reportError.ts';

/** What a program offers. */
export interface Program {
  /** How it is called, for help texts. */
  readonly name: string;
  readonly commands: Readonly<Record<string, Command>>;
  readonly project: CommandContext['project'];
}

/**
 * Runs one command line and reports how it ended: mistakes of the user as one message, anything
 * else with its stack.
 * @returns the exit code; never throws
 */
export async function runCommandLine(
  args: readonly string[],
  program: Program,
  host: Host,
): Promise<number> {
  const restore = reportCachesTo({ line: (text) => host.terminal.line(text) });
  try {
    const trace = host.env.LIGHTBOX_ENGINE_TRACE;
    if (trace !== undefined && trace !== '') traceEngine(trace);
    return await dispatch(args, program, host);
  } catch (error) {
    host.terminal.restore();
    reportError(error, host);
    return exitCodeOf(error);
  } finally {
    restore();
    host.terminal.restore();
  }
}

async function dispatch(args: readonly string[], program: Program, host: Host): Promise<number> {
  const { commands } = program;
  const name = args.find((arg) => !arg.startsWith('-'));
  const isFirst = name !== undefined && args[0] === name;
  if (!isFirst) {
    const asksHelp = args.length === 0 || args.includes('--help') || args.includes('-h');
    if (!asksHelp) throw noCommand(args[0], program);
    host.print(overview(program.name, commands));
    return args.length === 0 ? exitCodes.usage : exitCodes.finished;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    refuseLater(name, commands);
    throw noCommand(name, program);
  }
  const parsed = parseArguments(args, command.flags);
  const help = parsed.options.get('help');
  if (help !== undefined) {
    const root = program.project.projectRoot ?? findProjectRoot(host.cwd);
    const text =
      help === true
        ? await commandHelp(program.name, name, command, await classesOf(parsed, program, host))
        : await classHelp(help, root);
    host.print(text);
    return exitCodes.finished;
  }
  refuseWords(command, parsed.words);
  return command.run({ host, args: parsed, project: program.project });
}

/** The model's and the data module's class, by the configuration when it names them. */
async function classesOf(
  { files, overrides }: ParsedArguments,
  { project }: Program,
  host: Host,
): Promise<Pick<RunRequest, 'module' | 'dataModule'>> {
  if (files.length === 0) return project;
  try {
    const { modules, classes } = await readRunConfig({ ...project, files, overrides }, host);
    const typeOf = (node: MapNode | undefined) => node && classes.typeOf(node);
    return { module: typeOf(modules.model), dataModule: typeOf(modules.data) };
  } catch {
    // Help is most wanted when the configuration is wrong.
    return project;
  }
}

function noCommand(name: string, { commands }: Program): UsageError {
  const list = Object.keys(commands);
  const text = name.startsWith('-')
    ? `the command comes first, before ${name}`
    : `unknown command "${name}".${didYouMean(name, list)}`;
  return new UsageError('ERR_CLI_COMMAND', `${text} There are: ${list.join(', ')}.`);
}

/** Words that belong to no flag: a forgotten `--`, or a value too many. */
function refuseWords(command: Command, words: readonly string[]): void {
  const allowed = 1 + (command.words ?? 0);
  if (words.length <= allowed) return;
  const flags = Object.keys(commonFlags).map((flag) => `--${flag}`);
  throw new UsageError(
    'ERR_CLI_FLAG',
    `unexpected "${words[allowed]}". Flags begin with --, such as ${flags.join(', ')} or --trainer.max_epochs 5.`,
  );
}
