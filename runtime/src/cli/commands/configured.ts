import { UsageError } from '../../errors.ts';
import { printConfig } from '../../config/printConfig.ts';
import { withoutSecrets } from '../../config/secrets.ts';
import { openRun, readRunConfig, type OpenRun, type RunRequest } from '../openRun.ts';
import type { CommandContext } from './command.ts';

/** Opens a run and hands it over, or prints its configuration when that is all that is asked for. */
export async function runConfigured(
  { host, args }: CommandContext,
  request: RunRequest,
  run: (open: OpenRun) => Promise<number>,
): Promise<number> {
  requireSomething(request);
  const print = args.options.get('print_config');
  if (print === undefined) return run(await openRun(request, host));
  if (print !== true && print !== 'provenance' && print !== 'defaults') {
    throw new UsageError(
      'ERR_CLI_FLAG',
      `--print_config=${print}: expected --print_config or --print_config=provenance.`,
    );
  }
  const { tree } = await readRunConfig(request, host);
  const text = printConfig(withoutSecrets(tree), print === 'provenance' ? print : 'defaults');
  host.print(text.trimEnd());
  return 0;
}

export function requestOf({ args, project }: CommandContext): RunRequest {
  return { ...project, files: args.files, overrides: args.overrides };
}

/** A bare `fit` is nearly always a forgotten --config; say so instead of "no model section". */
function requireSomething(request: RunRequest): void {
  const { files, overrides, module, embeddedIn } = request;
  if (files.length > 0 || overrides.length > 0 || module !== undefined) return;
  if (embeddedIn !== undefined) return;
  throw new UsageError(
    'ERR_CLI_FLAG',
    'nothing says what to run. Give a configuration: --config configs/<model>.yaml.',
  );
}
