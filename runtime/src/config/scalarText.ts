import { parseDocument } from 'yaml';
import { fromPlain, type ConfigNode, type Origin } from './node.ts';

/**
 * Reads the value of a flag or environment variable as YAML 1.2: `1e-4` is a number, `[1, 2]` a
 * list, `null` nothing. What is not valid YAML is text (`*.x`). The text as typed is kept for
 * schemas that want text.
 */
export function readScalarText(text: string, origin: Origin): ConfigNode {
  if (text.trim() === '') return { kind: 'scalar', origin, value: text, source: text };
  const node = fromPlain(parseOrText(text), origin);
  return node.kind === 'instance' ? node : { ...node, source: sourceOf(text) };
}

function parseOrText(text: string): unknown {
  try {
    const document = parseDocument(text, { version: '1.2', prettyErrors: false });
    if (document.errors.length > 0) return text;
    const value: unknown = document.toJS();
    // "#1" and "%x" would otherwise vanish as a comment or a directive.
    return value === null && !/^(null|Null|NULL|~)$/.test(text.trim()) ? text : value;
  } catch {
    return text;
  }
}

function sourceOf(text: string): string {
  const quoted = /^\s*(?:"(?<double>[^"\\]*)"|'(?<single>[^']*)')\s*$/.exec(text);
  return quoted?.groups?.double ?? quoted?.groups?.single ?? text;
}
