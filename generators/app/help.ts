import { featureIds } from './answers.ts';
import { featureChoices, questions, taskChoices } from './options.ts';

/** The text of `--help`. */
export function helpText(): string {
  const flags: [string, string][] = [
    ...questions.map(({ answer, placeholder, help }): [string, string] => [
      `--${answer} ${placeholder}`,
      help,
    ]),
    ...featureIds.map((id): [string, string] => [`--${id}, --no-${id}`, `with or without ${id}`]),
    ['--dir <folder>', 'write into this folder; default: ./<name>'],
    ['--answers <file>', 'read answers from a JSON file; "-" reads standard input'],
    ['-y, --yes', 'take the default for every answer not given'],
    ['--install', 'run "npm install" in the new project'],
    ['-h, --help', 'print this'],
    ['-v, --version', 'print the version'],
  ];
  const width = Math.max(...flags.map(([flag]) => flag.length)) + 2;
  return [
    'Usage: lightbox [name] [flags]',
    '',
    'Writes a TypeScript deep-learning project that is ready to train.',
    '',
    'Flags:',
    ...flags.map(([flag, help]) => `  ${flag.padEnd(width)}${help}`),
    '',
    'Tasks:',
    ...taskChoices.map(({ id, title }) => `  ${id.padEnd(width)}${title}`),
    '',
    'Features:',
    ...featureChoices.map(({ id, title }) => `  ${id.padEnd(width)}${title}`),
    '',
    'Example: lightbox my-net --task image-classification --model digits --features hpo,compile',
  ].join('\n');
}
