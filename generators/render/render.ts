import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ejs from 'ejs';
import type { Answers } from '../app/answers.ts';
import { templatesRoot } from '../common/packageRoot.ts';
import type { RuntimeTarball } from '../common/runtimeTarball.ts';
import { templateContext, type TemplateContext } from './context.ts';
import { compare, partSources, plannedFiles, type FileClass } from './files.ts';
import { helpers } from './helpers.ts';
import { mergeJson } from './mergeJson.ts';
import { baseSnapshot, stateFile } from './state.ts';

/** One file of a project. */
export interface RenderedFile {
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly class: FileClass;
}

/** Path in the project (with `/`) -> file, sorted by path. */
export type RenderedProject = ReadonlyMap<string, RenderedFile>;

/** Where a render takes everything from that is not an answer. */
export interface RenderInputs {
  readonly runtimeTarball: RuntimeTarball;
  readonly generatorVersion: string;
}

/**
 * The whole project that these answers make, with its state and base snapshot. A pure function:
 * no clock, randomness, locale or host data, so that rendering again gives the same bytes.
 */
export function render(answers: Answers, inputs: RenderInputs): RenderedProject {
  const { runtimeTarball, generatorVersion } = inputs;
  const context = templateContext(answers, { runtimeFile: runtimeTarball.file, generatorVersion });
  const files = new Map<string, RenderedFile>();
  for (const { target, sources, class: fileClass } of plannedFiles(
    answers,
    context,
    templatesRoot,
  )) {
    const texts = sources.map((source) => renderTemplate(source, answers, context));
    const text = target === 'package.json' || texts.length > 1 ? mergeJson(texts) : texts[0];
    files.set(target, { bytes: Buffer.from(text), mode: 0o644, class: fileClass });
  }
  files.set(`vendor/${runtimeTarball.file}`, {
    bytes: runtimeTarball.bytes,
    mode: 0o644,
    class: 'template',
  });
  const state = stateFile(answers, inputs, files);
  files.set('.lightbox/base.json.gz', { bytes: baseSnapshot(files), mode: 0o644, class: 'data' });
  files.set('.lightbox/state.json', { bytes: Buffer.from(state), mode: 0o644, class: 'data' });
  return new Map([...files].sort(([a], [b]) => compare(a, b)));
}

function renderTemplate(source: string, answers: Answers, context: TemplateContext): string {
  const text = readFileSync(join(templatesRoot, source), 'utf8');
  if (!source.endsWith('.ejs')) return text;
  const part = (name: string): string =>
    partSources(answers, name, templatesRoot)
      .map((path) => renderTemplate(path, answers, context))
      .join('');
  // Options are fixed here and never come from answers: EJS can be made to run code through them.
  return ejs.render(
    text,
    { ...context, ...helpers, part },
    { filename: source, rmWhitespace: false },
  );
}
