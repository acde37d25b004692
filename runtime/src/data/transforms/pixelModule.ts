/** Bytes of WebAssembly instructions. */
type Code = readonly number[];

/** Pixels a turn of the loops: images are small and the loop itself costs as much as what is in it. */
const unrolled = 4;

const get = (local: number): Code => [0x20, local];
const set = (local: number, value: Code): Code => [...value, 0x21, local];
const i32 = (value: number): Code => [0x41, ...signed(value)];
const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
const sub = (a: Code, b: Code): Code => [...a, ...b, 0x6b];
const mul = (a: Code, b: Code): Code => [...a, ...b, 0x6c];
const and = (a: Code, b: Code): Code => [...a, ...b, 0x71];
/** Repeats `body` until the unsigned `a >= b`. */
const until = (a: Code, b: Code, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40, ...a, ...b, 0x4f, 0x0d, 0x01],
  ...[...body, 0x0c, 0x00, 0x0b, 0x0b],
];

/**
 * A module that writes pixels of bytes as floats by a table of 256 floats a channel, which begins
 * at address 0 of the memory it imports as `env.memory`. It exports
 * - `forward(source, target, pixels)`
 * - `mirror(source, target, rows, width)`: each row from right to left
 * with addresses in bytes. In JavaScript the same takes several times as long: every access is
 * checked against the bounds of its array.
 */
export function pixelModule(channels: number): Uint8Array<ArrayBuffer> {
  const bodies = [forwardBody(channels), mirrorBody(channels)];
  const [threeNumbers, fourNumbers] = [3, 4].map((count) => [
    ...[0x60, count],
    ...Array.from({ length: count }, () => 0x7f),
    0x00,
  ]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([threeNumbers, fourNumbers])),
    ...section(2, vector([[...text('env'), ...text('memory'), 0x02, 0x00, 0x01]])),
    ...section(3, vector([[0], [1]])),
    ...section(7, vector(['forward', 'mirror'].map((name, index) => [...text(name), 0, index]))),
    ...section(10, vector(bodies)),
  ]);
}

/** Locals: source, target, pixels; end. */
function forwardBody(channels: number): Code {
  const [source, target, pixels, end] = [0, 1, 2, 3];
  const turn = (count: number): Code => [
    ...Array.from({ length: count * channels }, (_, at) =>
      writeValue(get(source), at, target, at, at % channels),
    ).flat(),
    ...set(source, add(get(source), i32(count * channels))),
    ...set(target, add(get(target), i32(4 * count * channels))),
  ];
  return functionBody(1, loops(target, end, get(pixels), channels, turn));
}

/** Locals: source, target, rows, width; end, pixel (the next one to read, from the right). */
function mirrorBody(channels: number): Code {
  const [source, target, rows, width, end, pixel] = [0, 1, 2, 3, 4, 5];
  const turn = (count: number): Code => [
    // Offsets are never negative: counted from the leftmost pixel of the turn.
    ...set(pixel, sub(get(pixel), i32((count - 1) * channels))),
    ...Array.from({ length: count * channels }, (_, at) => {
      const channel = at % channels;
      const from = (count - 1 - (at - channel) / channels) * channels + channel;
      return writeValue(get(pixel), from, target, at, channel);
    }).flat(),
    ...set(pixel, sub(get(pixel), i32(channels))),
    ...set(target, add(get(target), i32(4 * count * channels))),
  ];
  return functionBody(
    2,
    until(i32(0), get(rows), [
      ...set(pixel, add(get(source), mul(sub(get(width), i32(1)), i32(channels)))),
      ...loops(target, end, get(width), channels, turn),
      ...set(source, add(get(source), mul(get(width), i32(channels)))),
      ...set(rows, sub(get(rows), i32(1))),
    ]),
  );
}

/** Several pixels a turn, then the rest one by one. */
function loops(
  target: number,
  end: number,
  pixels: Code,
  channels: number,
  turn: (count: number) => Code,
): Code {
  const pass = (count: number, share: Code): Code => [
    ...set(end, add(get(target), mul(share, i32(4 * channels)))),
    ...until(get(target), get(end), turn(count)),
  ];
  return [
    ...pass(unrolled, and(pixels, i32(-unrolled))),
    ...pass(1, and(pixels, i32(unrolled - 1))),
  ];
}

/** target[to] = table of the channel[source[from]] */
function writeValue(source: Code, from: number, target: number, to: number, channel: number): Code {
  const byte = [...source, 0x2d, 0x00, ...unsigned(from)];
  const value = [...byte, ...i32(2), 0x74, 0x2a, 0x02, ...unsigned(1024 * channel)];
  return [...get(target), ...value, 0x38, 0x02, ...unsigned(4 * to)];
}

function functionBody(locals: number, code: Code): Code {
  const bytes = [0x01, locals, 0x7f, ...code, 0x0b];
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, contents: Code): Code {
  return [id, ...unsigned(contents.length), ...contents];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  return vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}
