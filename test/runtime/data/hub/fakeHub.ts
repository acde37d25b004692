import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to the next request of a path before it is answered as it should be. */
export type Mishap =
  { status: number; retryAfter?: string } | { cutAt: number } | { flip: true } | { noRange: true };

export interface FakeHub {
  readonly endpoint: string;
  readonly commit: string;
  /** `METHOD path [range]` of each request. */
  readonly requests: string[];
  /** By a part of the path; each is used once. */
  readonly mishaps: [part: string, mishap: Mishap][];
  close(): Promise<void>;
}

export const commit = '0123456789abcdef0123456789abcdef01234567';

/** The hub's HTTP interface over one dataset repository, on this machine only. */
export async function openFakeHub(
  repo: string,
  files: Readonly<Record<string, Buffer>>,
  options: { readonly token?: string; readonly pageSize?: number } = {},
): Promise<FakeHub> {
  const requests: string[] = [];
  const mishaps: [string, Mishap][] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://hub');
    requests.push([request.method, url.pathname, request.headers.range].filter(Boolean).join(' '));
    const found = mishaps.findIndex(([part]) => url.pathname.includes(part));
    const mishap = found === -1 ? undefined : mishaps.splice(found, 1)[0][1];
    answer(request, response, url, mishap);
  });

  function answer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    mishap: Mishap | undefined,
  ): void {
    if (mishap !== undefined && 'status' in mishap) {
      const { status, retryAfter } = mishap;
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
      response.end();
      return;
    }
    if (
      options.token !== undefined &&
      request.headers.authorization !== `Bearer ${options.token}`
    ) {
      response.writeHead(401).end();
      return;
    }
    const path = decodeURIComponent(url.pathname);
    if (new RegExp(`^/api/datasets/${repo}/revision/(main|v1)$`).test(path)) {
      json(response, { id: repo, sha: commit });
    } else if (path === `/api/datasets/${repo}/tree/${commit}`) {
      tree(response, url);
    } else if (path.startsWith(`/datasets/${repo}/resolve/${commit}/`)) {
      const name = path.slice(`/datasets/${repo}/resolve/${commit}/`.length);
      content(request, response, files[name], mishap);
    } else {
      response.writeHead(404).end();
    }
  }

  function tree(response: ServerResponse, url: URL): void {
    const names = Object.keys(files);
    const size = options.pageSize ?? 1000;
    const from = Number(url.searchParams.get('cursor') ?? 0);
    if (from + size < names.length) {
      const next = `${endpoint}${url.pathname}?recursive=true&cursor=${from + size}`;
      response.setHeader('link', `<${next}>; rel="next"`);
    }
    json(response, [
      ...(from === 0 ? [{ type: 'directory', path: 'data', oid: 'x', size: 0 }] : []),
      ...names.slice(from, from + size).map((name) => describe(name, files[name])),
    ]);
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    commit,
    requests,
    mishaps,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Large files are told by their sha256, small ones by git's hash. */
function describe(path: string, bytes: Buffer): object {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const large = bytes.length > 1000;
  return {
    type: 'file',
    path,
    oid: large ? 'pointer' : oid,
    size: bytes.length,
    ...(large && { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } }),
  };
}

function content(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer | undefined,
  mishap: Mishap | undefined,
): void {
  if (bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const whole = range === null || (mishap !== undefined && 'noRange' in mishap);
  const start = whole ? 0 : Number(range[1]);
  const part = Buffer.from(bytes.subarray(start));
  if (mishap !== undefined && 'flip' in mishap) part[0] ^= 1;
  const headers = {
    'content-length': part.length,
    etag: `"${createHash('sha256').update(bytes).digest('hex')}"`,
    ...(!whole && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
  };
  response.writeHead(whole ? 200 : 206, headers);
  if (mishap !== undefined && 'cutAt' in mishap) {
    response.write(part.subarray(0, mishap.cutAt), () => response.destroy());
    return;
  }
  response.end(part);
}
