import { UsageError } from '../../errors.ts';

/** One record with the line it begins at (from 1). */
export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Records of CSV text by RFC 4180: fields in double quotes may hold delimiters, line breaks and
 * doubled quotes. Empty lines are left out; a byte order mark and either line ending are accepted.
 * @param source what to call the text in messages
 */
export function parseCsv(text: string, delimiter: string, source: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let position = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (position < text.length) {
    const start = line;
    const fields: string[] = [];
    for (let more = true; more;) {
      const quoted = text[position] === '"';
      const field = quoted
        ? quotedField(text, position, `${source}:${line}`)
        : plainField(text, position, delimiter);
      fields.push(field.value);
      if (quoted) line += field.value.split('\n').length - 1;
      position = field.end;
      more = text[position] === delimiter;
      if (more) position++;
      else if (position < text.length && text[position] !== '\n' && text[position] !== '\r') {
        throw new UsageError(
          'ERR_DATA_CSV',
          `${source}:${line}: text after a closing quote: "${text.slice(position, position + 20)}". Quotes inside a quoted field are doubled.`,
        );
      }
    }
    if (text[position] === '\r') position++;
    if (text[position] === '\n') position++;
    line++;
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: start, fields });
  }
  return rows;
}

interface Field {
  readonly value: string;
  /** Where the character after the field is. */
  readonly end: number;
}

function plainField(text: string, start: number, delimiter: string): Field {
  let end = start;
  while (end < text.length) {
    const character = text[end];
    if (character === delimiter || character === '\n' || character === '\r') break;
    end++;
  }
  return { value: text.slice(start, end), end };
}

function quotedField(text: string, start: number, where: string): Field {
  let value = '';
  for (let from = start + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) {
      throw new UsageError('ERR_DATA_CSV', `${where}: a quoted field is never closed.`);
    }
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    from = quote + 2;
  }
}
