import { readFileSync, writeFileSync } from 'node:fs';

// Draws what a terminal showed as an SVG for the README:
//   tmux capture-pane -e -p -t <session> > screen.txt
//   tsx scripts/terminalPicture.ts screen.txt docs/terminal.svg "title"
const [input, output, title = 'terminal'] = process.argv.slice(2);
if (output === undefined) throw new Error('usage: terminalPicture.ts <screen> <svg> [title]');

const palette = [
  '#24292f',
  '#e5534b',
  '#57ab5a',
  '#c69026',
  '#539bf5',
  '#b083f0',
  '#39c5cf',
  '#adbac7',
];
const cell = { width: 8.4, height: 19 };
const lines = readFileSync(input, 'utf8').trimEnd().split('\n').map(parseLine);
const columns = Math.max(
  60,
  ...lines.map((spans) => spans.reduce((n, { text }) => n + text.length, 0)),
);
const width = Math.ceil(columns * cell.width + 32);
const height = lines.length * cell.height + 60;

const body = lines.map((spans, row) => {
  let column = 0;
  const parts = spans.map(({ text, color, bold }) => {
    const x = (16 + column * cell.width).toFixed(1);
    column += text.length;
    const weight = bold ? ' font-weight="600"' : '';
    const extent = (text.length * cell.width).toFixed(1);
    return `<tspan x="${x}" textLength="${extent}" fill="${color}"${weight}>${escape(text)}</tspan>`;
  });
  return `<text y="${54 + row * cell.height}" xml:space="preserve">${parts.join('')}</text>`;
});
writeFileSync(
  output,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<rect width="100%" height="100%" rx="8" fill="#1c2128"/>
<circle cx="18" cy="17" r="5" fill="#e5534b"/><circle cx="36" cy="17" r="5" fill="#c69026"/><circle cx="54" cy="17" r="5" fill="#57ab5a"/>
<text x="${width / 2}" y="21" fill="#768390" font-family="monospace" font-size="12" text-anchor="middle">${escape(title)}</text>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${body.join('\n')}
</g>
</svg>
`,
);

interface Span {
  text: string;
  color: string;
  bold: boolean;
}

function parseLine(line: string): Span[] {
  const spans: Span[] = [];
  let style = { color: palette[7], bold: false };
  // Splits into text and `ESC [ codes m`; tmux emits no other sequences with capture-pane -e.
  for (const part of line.split(/(\p{Cc}\[[0-9;]*m)/u)) {
    const codes = /^\p{Cc}\[([0-9;]*)m$/u.exec(part);
    if (codes === null) {
      if (part !== '') spans.push({ text: part, ...style });
      continue;
    }
    for (const code of codes[1].split(';').map(Number)) style = applyCode(style, code);
  }
  return spans;
}

function applyCode(style: { color: string; bold: boolean }, code: number): typeof style {
  if (code === 0) return { color: palette[7], bold: false };
  if (code === 1) return { ...style, bold: true };
  if (code === 2 || code === 90) return { ...style, color: '#768390' };
  if (code === 22) return { color: palette[7], bold: false };
  if (code === 39) return { ...style, color: palette[7] };
  if (code >= 30 && code <= 37) return { ...style, color: palette[code - 30] };
  if (code >= 91 && code <= 97) return { ...style, color: palette[code - 90] };
  return style;
}

function escape(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
