/**
 * A test for shell-style patterns, as Python's fnmatch: `*` any text (dots and slashes too), `?`
 * one character, `[abc]`, `[a-z]`, `[!abc]`. Case matters; the whole name must match.
 */
export function fnmatch(pattern: string): (name: string) => boolean {
  const expression = new RegExp(`^${translate(pattern)}$`, 's');
  return (name) => expression.test(name);
}

function translate(pattern: string): string {
  // A bracket without its closing one, as in "a[", is an ordinary character.
  return pattern.replace(/\*|\?|\[(!?)([^\]]+)\]|[\\^$.|+(){}[\]]/g, (found, negated, set) => {
    if (found === '*') return '.*';
    if (found === '?') return '.';
    if (typeof set === 'string') {
      const members = set.replace(/[\\[\]^]/g, '\\$&');
      return `[${negated === '!' ? '^' : ''}${members}]`;
    }
    return `\\${found}`;
  });
}
