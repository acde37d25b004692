import type { FuzzCase } from './mutations.ts';

/** What is to be said about how a case ended. */
export interface Verdict {
  /** Something that must never happen. */
  readonly fault?: string;
  readonly named?: boolean;
  readonly placed?: boolean;
  readonly wayOut?: boolean;
  readonly said?: string;
}

/** Words by which a message tells what to do instead. */
const advice =
  /Did you mean|expected|Known here|It has:|It exports:|There are:|There is|The folder holds|[Ww]rite |Leave (?:it|them) out|must |npm install|may stand once|Set |Give |belong|end with|address an entry|Only values|cannot be|could not be loaded|in a circle|needs? a|None|in this version|no meaning|such as|See --help|there are none here|refer|put |Replace |save |is a (?:bracket|colon) missing|remove|another name|are below|write |is missing|has either/;

/** Judges the message of a case by what the case says it must hold. */
export function judge(drawn: FuzzCase, code: number, said: string): Verdict {
  if (code === 0) return said === '' ? {} : { fault: 'finished, and complained', said };
  const short = said.length > 1500 ? `${said.slice(0, 1500)}...` : said;
  if (/^\s+at .+[:(]/m.test(said) || /Maximum call stack|Cannot read prop/.test(said)) {
    return { fault: 'a stack trace', said: short };
  }
  if (code !== 2) return { fault: `exit code ${String(code)}`, said: short };
  if (said.length > 20_000) return { fault: 'too many words', said: short };
  const holds = (texts: readonly string[]) => texts.some((text) => said.includes(text));
  const verdict = {
    named: holds(drawn.names),
    placed: holds(drawn.places),
    wayOut: advice.test(said),
  };
  const good = verdict.named && verdict.placed && verdict.wayOut;
  return good ? verdict : { ...verdict, said: short };
}
