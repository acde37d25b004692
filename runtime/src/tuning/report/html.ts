import { renderSvg } from '../renderSvg.ts';
import type { Block, Cell, Section } from './sections.ts';

/** The report as one page that needs nothing else: no scripts, no network, pictures inside. */
export async function html(title: string, sections: readonly Section[]): Promise<string> {
  const parts: string[] = [];
  let number = 0;
  for (const section of sections) {
    if (section.blocks.length === 0) continue;
    const blocks: string[] = [];
    for (const block of section.blocks) blocks.push(await blockHtml(block, number++));
    const heading = section.title === '' ? '' : `<h2>${escaped(section.title)}</h2>\n`;
    parts.push(`<section>\n${heading}${blocks.join('\n')}\n</section>`);
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${parts.join('\n')}
</body>
</html>
`;
}

/** The text where HTML is expected, also inside of quotes. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

async function blockHtml(block: Block, number: number): Promise<string> {
  if (block.kind === 'text') return `<p>${escaped(block.text)}</p>`;
  if (block.kind === 'code') return `<pre><code>${escaped(block.text)}</code></pre>`;
  if (block.kind === 'chart') {
    const svg = withOwnIds(await renderSvg(block.spec), `chart${number}-`);
    return `<figure>\n${svg}\n<figcaption>${escaped(block.caption)}</figcaption>\n</figure>`;
  }
  const row = (cells: readonly Cell[], tag: 'th' | 'td'): string =>
    `<tr>${cells.map((content) => `<${tag}>${cell(content)}</${tag}>`).join('')}</tr>`;
  const head = `<thead>${row(block.header, 'th')}</thead>`;
  const body = block.rows.map((cells) => row(cells, 'td')).join('\n');
  return `<div class="table"><table>${head}<tbody>\n${body}\n</tbody></table></div>`;
}

/** Every picture counts its gradients and clips from 0; in one page they would get in each other's way. */
function withOwnIds(svg: string, prefix: string): string {
  return svg
    .replaceAll(/ id="([^"]+)"/g, ` id="${prefix}$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#${prefix}$1)`);
}

function cell(content: Cell): string {
  if (typeof content === 'string') return escaped(content);
  return `<a href="${escaped(encodeURI(content.href))}">${escaped(content.text)}</a>`;
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.2rem;
  border-bottom: 1px solid #d8dee4; }
figure { margin: 0 0 1rem; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
figcaption { color: #57606a; font-size: 0.87rem; }
pre { background: #f6f8fa; padding: 0.6rem 0.8rem; border-radius: 6px; overflow-x: auto;
  font-size: 0.87rem; }
.table { overflow-x: auto; max-height: 36rem; overflow-y: auto; }
table { border-collapse: collapse; font-size: 0.87rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; vertical-align: top;
  border-bottom: 1px solid #eaeef2; }
th { position: sticky; top: 0; background: #fff; color: #57606a; font-weight: 600;
  white-space: nowrap; }
td { overflow-wrap: break-word; max-width: 32rem; }
@media print { .table { max-height: none; overflow: visible; } }
`;
