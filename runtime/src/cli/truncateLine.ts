// eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
const pieces = /\u001B\[[0-9;]*m|./gsu;

/** The first `width` characters of a line; colours take no room and are switched off at the cut. */
export function truncateLine(line: string, width: number): string {
  if (line.length <= width) return line;
  let shown = '';
  let used = 0;
  let styled = false;
  for (const [piece] of line.matchAll(pieces)) {
    const isStyle = piece.startsWith('\u001B[');
    if (!isStyle && ++used > width) return styled ? `${shown}\u001B[0m` : shown;
    styled ||= isStyle;
    shown += piece;
  }
  return shown;
}

/** How many columns a line takes, its colours not counted. */
export function lineWidth(line: string): number {
  let width = 0;
  for (const [piece] of line.matchAll(pieces)) if (!piece.startsWith('\u001B[')) width++;
  return width;
}
