// The only door to the server: same origin, cookie for who, one header against forged requests.

import type {
  Adjudication, Clip, ClipRow, Coder, Context, Edit, EditAnswer, Flow, LogRow, Me, Proxy, Role, Stage, Study, Theirs, Trace,
} from "./types";

/** An answer that is not the thing asked for. Status 0: no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly theirs: Theirs | null = null,
  ) {
    super(message);
  }
  /** No word on the thing asked for: the line, or a server that is in trouble. */
  get cut(): boolean {
    return this.status === 0 || this.status === 429 || (this.status >= 500 && !this.full);
  }
  /** The disk of the study is full: the server is there and says so, and the same may be asked again. */
  get full(): boolean {
    return this.status === 507;
  }
}

let csrf = "";
let signedOut: () => void = () => undefined;

/** What to do when the server no longer knows who asks. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

const PATIENCE_MS = 20_000;
// thousands of rows, each checked and kept
const IMPORT_PATIENCE_MS = 120_000;

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal, raw?: Blob, patience_ms = PATIENCE_MS): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== "GET") headers["X-Mien-CSRF"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (raw) init.body = raw;
  init.signal = signal ?? AbortSignal.timeout(patience_ms);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "cut", "The server does not answer. Is the bench still running?");
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  let said: { error?: string; kind?: string; theirs?: Theirs } = {};
  try {
    said = (await response.json()) as typeof said;
  } catch {
    // a proxy or a crash may answer without JSON: the status alone then says what happened
  }
  const message = typeof said.error === "string" ? said.error : `The server answered ${response.status}.`;
  return new ApiError(response.status, String(said.kind ?? ""), message, said.theirs ?? null);
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    const response = await ask(method, path, body);
    const text = await response.text();
    return (text === "" ? null : JSON.parse(text)) as T;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && path !== "/api/session") signedOut();
    if (error instanceof SyntaxError) throw new ApiError(0, "cut", "The answer of the server broke off.");
    // a body that is cut while it is read rejects with a TypeError or a DOMException, not through fetch
    if (!(error instanceof ApiError)) throw new ApiError(0, "cut", "The answer of the server broke off.");
    throw error;
  }
}

const clipPath = (clip: string): string => `/api/clips/${encodeURIComponent(clip)}`;

export const api = {
  async me(): Promise<Me> {
    const me = await json<Me>("GET", "/api/me");
    csrf = me.csrf;
    return me;
  },
  async signIn(token: string): Promise<Me> {
    await json("POST", "/api/session", { token });
    return api.me();
  },
  signOut: (): Promise<null> => json("DELETE", "/api/session"),
  study: (): Promise<Study> => json("GET", "/api/study"),

  coders: (): Promise<Coder[]> => json("GET", "/api/coders"),
  addCoder: (label: string, name: string, role: Role): Promise<{ label: string; token: string }> =>
    json("POST", "/api/coders", { label, name, role }),
  newToken: (label: string): Promise<{ token: string }> =>
    json("POST", `/api/coders/${encodeURIComponent(label)}/token`),
  deactivate: (label: string): Promise<null> => json("DELETE", `/api/coders/${encodeURIComponent(label)}`),

  clips: (): Promise<ClipRow[]> => json("GET", "/api/clips"),
  assign: (clip: string, coders: string[]): Promise<unknown> => json("PUT", `${clipPath(clip)}/assignment`, { coders }),
  assignMany: (clips: string[] | "all", coders: string[]): Promise<unknown> =>
    json("POST", "/api/assignments", { clips, coders }),

  clip: (clip: string, sheet?: string): Promise<Clip> =>
    json("GET", clipPath(clip) + (sheet ? `?sheet=${encodeURIComponent(sheet)}` : "")),
  adjudication: (clip: string): Promise<Adjudication> => json("GET", `${clipPath(clip)}/adjudication`),
  makeProxy: (clip: string): Promise<Proxy> => json("POST", `${clipPath(clip)}/proxy`),
  proxy: (clip: string): Promise<Proxy> => json("GET", `${clipPath(clip)}/proxy`),
  traces: (clip: string): Promise<{ traces: Trace[]; problem: string | null }> => json("GET", `${clipPath(clip)}/traces`),
  done: (clip: string): Promise<unknown> => json("POST", `${clipPath(clip)}/done`),
  open: (clip: string): Promise<unknown> => json("POST", `${clipPath(clip)}/open`),
  reveal: (clip: string): Promise<Context> => json("POST", `${clipPath(clip)}/reveal`),
  move: (clip: string, to: Stage, reason: string, coders: string[] = []): Promise<unknown> =>
    json("POST", `${clipPath(clip)}/stage`, { to, reason, coders }),

  edit: (edit: Edit): Promise<EditAnswer> => json("POST", "/api/edits", edit),
  agreement: (): Promise<unknown> => json("GET", "/api/agreement"),
  log: (after: number, clip: string): Promise<LogRow[]> =>
    json("GET", `/api/log?after=${after}${clip ? `&clip=${encodeURIComponent(clip)}` : ""}`),

  exportPath: (clip: string, format: string, sheet: string): string =>
    `${clipPath(clip)}/export/${format}?sheet=${encodeURIComponent(sheet)}`,
  async importFile(clip: string, format: string, file: File): Promise<{ added: number; problems: string[] }> {
    const path = `${clipPath(clip)}/import/${format}?name=${encodeURIComponent(file.name)}`;
    return (await (await ask("POST", path, undefined, undefined, file, IMPORT_PATIENCE_MS)).json()) as { added: number; problems: string[] };
  },

  async flow(clip: string, from: number, to: number, signal: AbortSignal): Promise<Flow> {
    const response = await ask("GET", `${clipPath(clip)}/flow?from=${from}&to=${to}`, undefined, signal);
    return (await response.json()) as Flow;
  },

  /** Frame n, decoded. The server names the frame it sends: another one is an error, never a picture. */
  async frame(clip: string, n: number, width: number | null, signal: AbortSignal): Promise<ImageBitmap> {
    const path = `${clipPath(clip)}/frames/${n}${width === null ? "" : `?w=${width}`}`;
    let response: Response;
    try {
      response = await ask("GET", path, undefined, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) signedOut();
      throw error;
    }
    const named = response.headers.get("X-Mien-Frame");
    if (named !== String(n)) throw new ApiError(200, "frame", `Frame ${n} was asked, the server sent frame ${named}.`);
    return createImageBitmap(await response.blob());
  },
};
