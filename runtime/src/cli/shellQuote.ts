/** `text` as one word of a command line that can be pasted: quoted only where needed. */
export function shellQuote(text: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32')
    return /[\s"&|<>^%]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
