import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Answers, TaskId } from '../app/answers.ts';
import type { TemplateContext } from './context.ts';

/**
 * How an update treats a file: `template` = merged line by line, `data` = merged by key,
 * `seed` = the user's from the first day, written once.
 */
export type FileClass = 'template' | 'seed' | 'data';

/** One file to render. */
export interface PlannedFile {
  /** Path in the project, with `/`. */
  readonly target: string;
  /** Template paths below templates/; several only for JSON, which are merged in this order. */
  readonly sources: readonly string[];
  readonly class: FileClass;
}

/** Folders of templates/ that these answers select, in the order in which they add to a file. */
export function templateFolders(answers: Answers): string[] {
  const task = `task-${answers.task}`;
  const data = answers.features.includes('dataporter') ? 'dataporter' : 'single';
  const shared = sharedFolders[answers.task].filter((folder) => {
    const [, only = data] = folder.split('+');
    return only === data;
  });
  return ['base', ...shared, task, `${task}+${data}`, ...answers.features];
}

/** What several tasks have in common: tests of a model with one loss, images as data. */
const sharedFolders: Readonly<Record<TaskId, readonly string[]>> = {
  'image-classification': ['one-loss', 'images+single', 'images+dataporter'],
  'tabular-regression': ['one-loss'],
  'char-lm': ['one-loss'],
  autoencoder: ['one-loss', 'images+single', 'images+dataporter'],
  gan: ['images+single'],
  blank: ['one-loss'],
};

/** The files that these answers make: chosen by folder, never by conditions inside templates. */
export function plannedFiles(
  answers: Answers,
  context: TemplateContext,
  templatesRoot: string,
): PlannedFile[] {
  const planned = new Map<string, string[]>();
  for (const folder of templateFolders(answers)) {
    for (const source of listFiles(templatesRoot, folder)) {
      const relative = source.slice(folder.length + 1);
      if (relative.startsWith(`${partsFolder}/`)) continue;
      const target = targetOf(relative, context);
      const sources = planned.get(target) ?? [];
      if (sources.length > 0 && !target.endsWith('.json')) {
        throw new Error(`Two templates make ${target}: ${sources[0]} and ${source}.`);
      }
      planned.set(target, [...sources, source]);
    }
  }
  return [...planned]
    .map(([target, sources]) => ({ target, sources, class: classOf(target) }))
    .sort((a, b) => compare(a.target, b.target));
}

/** Templates of a part, `part('skill.md')`: what each selected folder adds to a shared file. */
export function partSources(answers: Answers, part: string, templatesRoot: string): string[] {
  return templateFolders(answers).flatMap((folder) => {
    const path = `${folder}/${partsFolder}/${part}`;
    return listFiles(templatesRoot, folder).filter(
      (source) => source === path || source === `${path}.ejs`,
    );
  });
}

const partsFolder = '_parts';

// npm leaves dot files out of packages or renames them, so templates carry them under other names.
const dotFiles = new Set([
  '_gitignore',
  '_npmrc',
  '_prettierrc.json',
  '_prettierignore',
  '_gitattributes',
]);

function targetOf(relative: string, context: TemplateContext): string {
  const parts = relative.replace(/\.ejs$/, '').split('/');
  const last = parts.pop() ?? '';
  const renamed = dotFiles.has(last) ? `.${last.slice(1)}` : last;
  return [...parts, renamed === '_package.json' ? 'package.json' : renamed]
    .join('/')
    .replaceAll('__model__', context.model)
    .replaceAll('__modelFile__', context.modelFile)
    .replaceAll('__dataFile__', context.dataFile);
}

function classOf(target: string): FileClass {
  if (target.startsWith('src/')) return 'seed';
  return /\.(json|ya?ml)$/.test(target) ? 'data' : 'template';
}

function listFiles(root: string, folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    // A combination that adds nothing has no folder.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? listFiles(root, path) : [path];
    })
    .sort(compare);
}

/** By code unit: the same on every machine, whatever its locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
