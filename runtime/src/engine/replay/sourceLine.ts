// Source maps give TensorFlow.js's frames the paths of its own repository.
const inside = /node:|[\\/](?:node_modules|tfjs-[\w-]+[\\/]src|runtime[\\/](?:src|dist))[\\/]/;

/** ` at file:line` of the innermost frame that is the user's own, or nothing. */
export function sourceLine({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(1);
  const own = frames.find((frame) => !inside.test(frame) && /:\d+:\d+\)?$/.test(frame));
  const place = own === undefined ? null : /(?:\(|at )(?:file:\/\/)?([^()]+):\d+\)?$/.exec(own);
  return place === null ? '' : ` at ${place[1].replace(/^async /, '')}`;
}
