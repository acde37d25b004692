import { Choices, type ChosenVariant } from './variant.ts';

/** What `compile` asks of the sessions beyond the usual. */
interface CompilePolicy {
  /** Whether one session serves every shape of a graph. */
  dynamic: boolean;
  /** Whether graphs that are compiled now are worth trying in several ways. */
  tuning: boolean;
  readonly choices: Choices;
}

/** The policy in force in this process. */
export const policy: CompilePolicy = { dynamic: false, tuning: false, choices: new Choices() };

/** Whether graphs compiled from now on share one session for all their shapes; default: no. */
export function setDynamicShapes(dynamic: boolean): void {
  policy.dynamic = dynamic;
}

/** What timing has decided so far, as plain data. */
export function compileChoices(): ChosenVariant[] {
  return policy.choices.list();
}

/** Takes over earlier decisions, so that graphs are compiled as they were then. */
export function restoreCompileChoices(choices: readonly ChosenVariant[]): void {
  policy.choices.restore(choices);
}
