/** Something the engine wants a human to know once: it never prints by itself. */
export interface EngineNotice {
  /** `fallback`: a kernel ran in JavaScript; `uncompiled`: ONNX Runtime refused a graph;
   * `churn`: shapes change so often that sessions are compiled again and again; `unreplayed`: a
   * step that was to be replayed is recorded each time. */
  readonly kind: 'fallback' | 'uncompiled' | 'churn' | 'unreplayed';
  readonly subject: string;
  readonly message: string;
}

type Listener = (notice: EngineNotice) => void;

const listeners = new Set<Listener>();
const given = new Map<string, EngineNotice>();

/**
 * Calls `listener` for every notice, at once for those already given.
 *
 * @returns a function that ends the subscription
 */
export function onNotice(listener: Listener): () => void {
  listeners.add(listener);
  for (const notice of given.values()) listener(notice);
  return () => {
    listeners.delete(listener);
  };
}

/** Gives a notice unless one of the same kind and subject was given before. */
export function notify(notice: EngineNotice): void {
  const key = `${notice.kind} ${notice.subject}`;
  if (given.has(key)) return;
  given.set(key, notice);
  for (const listener of listeners) listener(notice);
}
