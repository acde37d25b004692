/** The characters of the model: a line break, then the printable ones of ASCII. */
const alphabet = `\n${String.fromCharCode(...Array.from({ length: 95 }, (_, code) => 32 + code))}`;

export const vocabularySize = alphabet.length;

/** Text as numbers below `vocabularySize`; a character outside the alphabet becomes a space. */
export function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const token = alphabet.indexOf(character);
    return token < 0 ? alphabet.indexOf(' ') : token;
  });
}

export function decode(tokens: ArrayLike<number>): string {
  return Array.from(tokens, (token) => alphabet[token]).join('');
}
