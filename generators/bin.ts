#!/usr/bin/env node
import process from 'node:process';
import { readAnswersFile } from './app/answersFile.ts';
import type { MissingAnswers } from './app/collectAnswers.ts';
import { helpText } from './app/help.ts';
import { inquirerPrompter } from './app/inquirerPrompter.ts';
import { parseArguments, type ParsedArguments } from './app/parseArguments.ts';
import { scaffold } from './app/scaffold.ts';
import { UsageError } from './common/errors.ts';
import { npmInstall } from './common/npmInstall.ts';
import { generatorVersion } from './common/packageRoot.ts';

/** The `lightbox` command: questions, then files; Yeoman is not involved. */
async function main(argv: readonly string[]): Promise<void> {
  refuseLaterCommands(argv[0]);
  const flags = parseArguments(argv);
  if (flags.help || flags.version) {
    print(flags.help ? helpText() : generatorVersion);
    return;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupt.abort();
    });
  }
  const file = flags.answersFrom === null ? null : readAnswersFile(flags.answersFrom);
  const { folder, report } = await scaffold(flags, file, missingAnswers(flags), {
    cwd: process.cwd(),
    signal: interrupt.signal,
  });
  if (flags.install) await npmInstall(folder);
  print(report.join('\n'));
}

function missingAnswers(flags: ParsedArguments): MissingAnswers {
  if (flags.yes) return { from: 'defaults' };
  const canAsk = process.stdin.isTTY && process.stdout.isTTY && !process.env['CI'];
  if (!canAsk) return { from: 'nobody' };
  return { from: 'prompts', prompter: inquirerPrompter };
}

const laterCommands = ['update', 'check', 'model', 'dataset', 'callback'];

function refuseLaterCommands(first: string | undefined): void {
  if (first === undefined || !laterCommands.includes(first)) return;
  throw new UsageError(
    'ERR_COMMAND_LATER',
    `"lightbox ${first}" comes with a later version. For a project of that name write --name ${first}.`,
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(error: unknown): void {
  if (error instanceof Error && error.name === 'ExitPromptError') {
    process.stderr.write('Cancelled; nothing was written.\n');
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    process.stderr.write(`lightbox: ${error.message} [${error.code}]\n`);
    process.exitCode = error.code === 'ERR_INTERRUPTED' ? 130 : 1;
  } else {
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = 1;
  }
}

main(process.argv.slice(2)).catch(fail);
