import { basename, relative, resolve } from 'node:path';
import { render } from '../render/render.ts';
import { generatorVersion } from '../common/packageRoot.ts';
import { readRuntimeTarball } from '../common/runtimeTarball.ts';
import { checkTarget, writeProject } from '../write/writeProject.ts';
import { checkAnswer, type Answers } from './answers.ts';
import { collectAnswers, type MissingAnswers } from './collectAnswers.ts';
import { equivalentCommand, shellQuote } from './commandLine.ts';
import type { ParsedArguments } from './parseArguments.ts';

/** A finished scaffold. */
export interface Scaffolded {
  readonly answers: Answers;
  /** Absolute folder of the new project. */
  readonly folder: string;
  readonly fileCount: number;
  /** What to tell the person, line by line. */
  readonly report: readonly string[];
}

/**
 * From a command line to files on disk: what the `lightbox` command and the Yeoman generator share.
 * @param cwd folder that relative places start from
 * @throws UsageError for anything the person can correct
 */
export async function scaffold(
  flags: ParsedArguments,
  file: { content: unknown; origin: string } | null,
  missing: MissingAnswers,
  { cwd, signal }: { cwd: string; signal?: AbortSignal },
): Promise<Scaffolded> {
  const named = withNameOfFolder(flags, file, cwd);
  const early = named.answers.name;
  if (early !== undefined) checkTarget(targetFolder(flags.dir, early, cwd));
  const runtimeTarball = readRuntimeTarball();
  const answers = await collectAnswers(named, file, missing);
  const folder = targetFolder(flags.dir, answers.name, cwd);
  checkTarget(folder);
  const project = render(answers, { runtimeTarball, generatorVersion });
  await writeProject(folder, project, signal);
  const report = reportOf(answers, folder, flags, project.size, cwd);
  return { answers, folder, fileCount: project.size, report };
}

// `--dir work/my-net` alone names the project too.
function withNameOfFolder(
  flags: ParsedArguments,
  file: { content: unknown } | null,
  cwd: string,
): ParsedArguments {
  const content = file?.content;
  const inFile = typeof content === 'object' && content !== null && 'name' in content;
  if (flags.dir === null || flags.answers.name !== undefined || inFile) return flags;
  const name = checkAnswer(
    'name',
    basename(resolve(cwd, flags.dir)),
    '--dir, last part of the path',
  );
  return { ...flags, answers: { ...flags.answers, name } };
}

function targetFolder(dir: string | null, name: string, cwd: string): string {
  return resolve(cwd, dir ?? name);
}

function reportOf(
  answers: Answers,
  folder: string,
  flags: ParsedArguments,
  fileCount: number,
  cwd: string,
): string[] {
  const near = relative(cwd, folder);
  const place = near.startsWith('..') ? folder : near || '.';
  return [
    `Wrote ${String(fileCount)} files to ${folder}`,
    '',
    'Next:',
    `  cd ${shellQuote(place)}`,
    ...(flags.install ? [] : ['  npm install']),
    '  npm run train',
    ...(answers.features.includes('hpo') ? ['  npm run hpo -- --n-trials 20'] : []),
    '',
    'The same without questions:',
    `  ${equivalentCommand(answers, flags.dir)}`,
  ];
}
