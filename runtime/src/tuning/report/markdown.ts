import type { Block, Cell, Section } from './sections.ts';

/** The report as Markdown, without its charts. */
export function markdown(title: string, sections: readonly Section[]): string {
  const lines = [`# ${inline(title)}`, ''];
  for (const section of sections) {
    const blocks = section.blocks.filter(({ kind }) => kind !== 'chart');
    if (blocks.length === 0) continue;
    if (section.title !== '') lines.push(`## ${inline(section.title)}`, '');
    for (const block of blocks) lines.push(...blockLines(block), '');
  }
  return lines.join('\n');
}

function blockLines(block: Block): string[] {
  if (block.kind === 'chart') return [];
  if (block.kind === 'text') return [inline(block.text)];
  if (block.kind === 'code') return ['```sh', block.text, '```'];
  const line = (cells: readonly Cell[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(block.header), line(block.header.map(() => '---')), ...block.rows.map(line)];
}

function cell(content: Cell): string {
  if (typeof content === 'string') return inline(content).replaceAll('|', '\\|');
  return `[${cell(content.text)}](${encodeURI(content.href)})`;
}

/** One line that neither is nor begins markup of its own. */
function inline(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('](', ']\\(')
    .replaceAll(/([*`])/g, '\\$1');
}
