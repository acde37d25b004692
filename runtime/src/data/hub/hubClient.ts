import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UsageError } from '../../errors.ts';

export interface HubAddress {
  readonly endpoint: string;
  readonly repo: string;
  readonly kind: 'dataset' | 'model';
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Sent to the endpoint only, never printed. */
  readonly token: string | undefined;
  /** Tries of a request in all, before it is an error. */
  readonly attempts: number;
  /** First pause after a failure, in ms; doubled after each. A server's Retry-After goes before it. */
  readonly pauseMs: number;
}

/** A file of a repository. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** sha256 of large files, git's sha1 of small ones. */
  readonly hash: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

interface TreeItem {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number };
}

/** Requests to the hub's HTTP interface: which commit, which files, their bytes. */
export class HubClient {
  readonly #address: HubAddress;
  readonly #base: string;

  constructor(address: HubAddress) {
    this.#address = address;
    this.#base = address.endpoint.replace(/\/+$/, '');
  }

  /** The commit that the revision stands for now. */
  async commit(): Promise<string> {
    const { repo, kind, revision } = this.#address;
    const url = `${this.#base}/api/${kind}s/${repo}/revision/${encodeURIComponent(revision)}`;
    const { sha } = (await (await this.#get(url)).json()) as { sha?: unknown };
    if (typeof sha === 'string' && /^[0-9a-f]{40}$/.test(sha)) return sha;
    throw this.#odd(url, 'no commit');
  }

  /** Every file at a commit; the listing comes in pages. */
  async files(commit: string): Promise<HubFile[]> {
    const { repo, kind } = this.#address;
    let url: string | undefined =
      `${this.#base}/api/${kind}s/${repo}/tree/${commit}?recursive=true`;
    const files: HubFile[] = [];
    while (url !== undefined) {
      const response: Response = await this.#get(url);
      const items = (await response.json()) as TreeItem[];
      if (!Array.isArray(items)) throw this.#odd(url, 'no list of files');
      for (const item of items) if (item.type === 'file') files.push(fileOf(item));
      url = nextPage(response.headers.get('link'), this.#base);
    }
    return files;
  }

  /** The bytes of a file from `start` on. The server may answer with all of it: see the status. */
  download(path: string, commit: string, start: number): Promise<Response> {
    const { repo, kind } = this.#address;
    const prefix = kind === 'dataset' ? 'datasets/' : '';
    const name = path.split('/').map(encodeURIComponent).join('/');
    const url = `${this.#base}/${prefix}${repo}/resolve/${commit}/${name}`;
    return this.#get(url, start > 0 ? { range: `bytes=${start}-` } : {});
  }

  /** Pauses before another try; throws when there have been enough. */
  async pause(attempt: number, problem: () => Error, retryAfter?: string | null): Promise<void> {
    if (attempt >= this.#address.attempts) throw problem();
    await sleep(pauseOf(retryAfter) ?? this.#address.pauseMs * 2 ** (attempt - 1));
  }

  async #get(url: string, headers: Record<string, string> = {}): Promise<Response> {
    const { token } = this.#address;
    const all = { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    for (let attempt = 1; ; attempt++) {
      let response: Response;
      try {
        // A redirect to another host (where large files are) drops the authorization header.
        response = await fetch(url, { headers: all });
      } catch (cause) {
        await this.pause(attempt, () => unreachable(url, cause));
        continue;
      }
      if (response.ok) return response;
      await response.body?.cancel();
      if (response.status !== 429 && response.status < 500)
        throw this.#refused(url, response.status);
      const problem = (): Error => this.#refused(url, response.status);
      await this.pause(attempt, problem, response.headers.get('retry-after'));
    }
  }

  #refused(url: string, status: number): UsageError {
    const { repo, kind, revision, token, attempts } = this.#address;
    const access =
      token === undefined
        ? 'If it is private or gated, set HF_TOKEN to a token that may read it.'
        : 'The token (HF_TOKEN) may not read it: check its rights, and accept the terms of a gated repository.';
    const reasons: Record<number, string> = {
      401: `access to ${kind} ${repo} was refused (401). ${access}`,
      403: `access to ${kind} ${repo} was refused (403). ${access}`,
      404: `there is no such ${kind}, revision or file: ${repo} at "${revision}" (404). ${access}`,
      416: `the file changed while it was read (416). Remove what was downloaded and try again.`,
      429: `the server refuses further requests for now (429), after ${attempts} tries. Wait, or set HF_TOKEN for higher limits.`,
    };
    const reason = reasons[status] ?? `the server answered ${status}, after ${attempts} tries.`;
    return new UsageError('ERR_DATA_HUB', `${url}: ${reason}`);
  }

  #odd(url: string, what: string): UsageError {
    return new UsageError(
      'ERR_DATA_HUB',
      `${url} answered with ${what}. Is the endpoint (${this.#base}) a Hugging Face hub?`,
    );
  }
}

function fileOf({ path, size, oid, lfs }: TreeItem): HubFile {
  if (lfs === undefined) return { path, size, hash: { kind: 'git', hex: oid } };
  return { path, size: lfs.size, hash: { kind: 'sha256', hex: lfs.oid } };
}

/** `Link: <url>; rel="next"`; other hosts are not followed, they would be sent the token. */
function nextPage(link: string | null, base: string): string | undefined {
  const url = link === null ? undefined : /<([^>]+)>;\s*rel="next"/.exec(link)?.[1];
  if (url === undefined) return undefined;
  const next = new URL(url, base);
  return next.origin === new URL(base).origin ? next.href : undefined;
}

/** Seconds or a date, as a pause in ms of at most 5 minutes. */
function pauseOf(retryAfter: string | null | undefined): number | undefined {
  if (retryAfter === null || retryAfter === undefined) return undefined;
  const seconds = Number(retryAfter);
  const pause = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isFinite(pause) ? Math.min(300_000, Math.max(0, pause)) : undefined;
}

function unreachable(url: string, cause: unknown): UsageError {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  return new UsageError(
    'ERR_DATA_HUB',
    `${url} cannot be reached: ${messageOf(inner)}. Check the network and HF_ENDPOINT.`,
    { cause },
  );
}
