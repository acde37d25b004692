import process from 'node:process';
import Generator from 'yeoman-generator';
import { UsageError } from '../common/errors.ts';
import { npmInstall } from '../common/npmInstall.ts';
import { featureIds } from './answers.ts';
import { readAnswersFile } from './answersFile.ts';
import type { MissingAnswers, Prompter } from './collectAnswers.ts';
import { questions } from './options.ts';
import { parseArguments, type ParsedArguments } from './parseArguments.ts';
import { promptQuestion } from './promptQuestions.ts';
import { scaffold, type Scaffolded } from './scaffold.ts';

type Options = NonNullable<ConstructorParameters<typeof Generator>[1]> & {
  /** Whether somebody can be asked; replaced in tests. */
  isInteractive?: () => boolean;
} & Record<string, unknown>;

/** `yo lightbox`: Yeoman's phases around what the `lightbox` command does. */
export default class LightboxGenerator extends Generator<object, Options> {
  #done: Scaffolded | undefined;

  constructor(args: string[], options: Options) {
    // Files are written in one step by our own writer, so Yeoman has nothing to commit or install.
    super(args, options, { customCommitTask: true, customInstallTask: true });
    this.argument('name', { type: String, required: false, description: 'project name' });
    for (const { answer, help } of questions) {
      if (answer !== 'name') this.option(answer, { type: String, description: help });
    }
    for (const id of featureIds) {
      this.option(id, { type: Boolean, description: `with or without ${id}` });
    }
    this.option('dir', { type: String, description: 'write into this folder; default: ./<name>' });
    this.option('answers', { type: String, description: 'JSON file of answers; "-": stdin' });
    this.option('yes', { type: Boolean, alias: 'y', description: 'take defaults' });
    this.option('install', { type: Boolean, description: 'run "npm install" afterwards' });
  }

  async writing(): Promise<void> {
    await withoutCode(async () => {
      const flags = parseArguments(this.#arguments());
      const file = flags.answersFrom === null ? null : readAnswersFile(flags.answersFrom);
      this.#done = await scaffold(flags, file, this.#missing(flags), {
        cwd: this.destinationRoot(),
      });
    });
  }

  async install(): Promise<void> {
    const { folder } = this.#done ?? {};
    if (this.options['install'] !== true || folder === undefined) return;
    await withoutCode(() => npmInstall(folder));
  }

  end(): void {
    this.log(this.#done?.report.join('\n') ?? '');
  }

  /** Yeoman's parsed options as the command line that they came from. */
  #arguments(): string[] {
    const argv: string[] = [];
    for (const name of [...questions.map(({ answer }) => answer), 'dir', 'answers']) {
      const value = this.options[name];
      if (value !== undefined && value !== null) argv.push(`--${name}=${value as string}`);
    }
    for (const id of featureIds) {
      if (this.options[id] === true) argv.push(`--${id}`);
      if (this.options[id] === false) argv.push(`--no-${id}`);
    }
    for (const name of ['yes', 'install']) if (this.options[name] === true) argv.push(`--${name}`);
    return argv;
  }

  #missing(flags: ParsedArguments): MissingAnswers {
    if (flags.yes) return { from: 'defaults' };
    const canAsk = this.options.isInteractive ?? (() => process.stdin.isTTY && !process.env['CI']);
    return canAsk() ? { from: 'prompts', prompter: this.#prompter() } : { from: 'nobody' };
  }

  #prompter(): Prompter {
    return async (answer, initial) => {
      const reply = await this.prompt<Record<string, unknown>>([promptQuestion(answer, initial)]);
      return reply[answer];
    };
  }
}

/** `yo` ends the process with the error's code, which has to be a number then. */
async function withoutCode(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const plain = new Error(`${error.message} [${error.code}]`);
    plain.stack = plain.message;
    throw plain;
  }
}
