import type { Answers } from './answers.ts';

/** The one line that repeats these answers without questions, quoted for a POSIX shell. */
export function equivalentCommand(answers: Answers, dir: string | null): string {
  const parts = [
    'lightbox',
    answers.name,
    '--task',
    answers.task,
    '--model',
    answers.model,
    '--features',
    answers.features.length === 0 ? 'none' : answers.features.join(','),
  ];
  if (answers.author !== '') parts.push(`--author=${shellQuote(answers.author)}`);
  if (answers.description !== '') parts.push(`--description=${shellQuote(answers.description)}`);
  if (dir !== null) parts.push(`--dir=${shellQuote(dir)}`);
  return parts.join(' ');
}

/** Quotes an argument for a POSIX shell when it needs it. */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_./@%+=:,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
