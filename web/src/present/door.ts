// The way in: a page is opened by a link that ends in #key=..., which is taken off the address and given for a cookie. All
// that the page asks goes through here: same origin, the name of its role, one header against forged requests.

import type { RoleName } from "./wire";

/** An answer that is not the thing asked for. Status 0: no answer came. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    sentence: string,
    readonly said: Readonly<Record<string, unknown>> = {},
  ) {
    super(sentence);
  }
  /** No word on the thing asked for: asking again, with nothing changed, may bring one. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
  /** The server does not know who asks: it may know again once the key was shown. */
  get shut(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export interface Entered { csrf: string; role: RoleName; study: string }

/** Where the key of a link is kept for a server that begins anew: only in this tab, gone when it closes. */
export interface KeyShelf {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

const PATIENCE_MS = 10_000;
export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export class Door {
  private csrf = "";
  /** a key that came with the address of this visit: it goes before the cookie of an earlier one */
  private fresh = false;
  study = "";

  constructor(
    readonly role: RoleName,
    private readonly shelf: KeyShelf,
    private readonly fetcher: Fetch = (path, init) => fetch(path, init),
  ) {}

  /** Takes the key off the address, if there is one. What is left shows nothing that opens the session. */
  takeKey(address: Location = location, past: History = history): void {
    const key = new URLSearchParams(address.hash.slice(1)).get("key");
    if (key === null) return;
    past.replaceState(null, "", address.pathname + address.search);
    this.shelf.setItem(this.keyName, key);
    this.fresh = true;
  }

  /** Enters by the cookie of an earlier visit or by the key; throws a Refusal that is `shut` where neither is good. */
  async enter(): Promise<Entered> {
    const key = this.shelf.getItem(this.keyName);
    const byKey = (): Promise<Entered> => this.ask<Entered>("POST", "/api/door", { role: this.role, key });
    let entered: Entered;
    if (this.fresh) entered = await byKey();
    else
      try {
        entered = await this.ask<Entered>("GET", `/api/door?role=${this.role}`);
      } catch (error) {
        if (!(error instanceof Refusal) || !error.shut || key === null) throw error;
        entered = await byKey();
      }
    this.fresh = false;
    this.csrf = entered.csrf;
    this.study = entered.study;
    return entered;
  }

  /** What tells one session from another: the same for every page of its link, known once it entered. */
  get visit(): string {
    return this.csrf.slice(0, 12);
  }

  get<T>(path: string): Promise<T> {
    return this.ask<T>("GET", path);
  }

  post<T>(path: string, body: unknown, patience_ms = PATIENCE_MS): Promise<T> {
    return this.ask<T>("POST", path, body, patience_ms);
  }

  /** A file of the server, with how much of it has come so far (0 to 1). */
  async file(path: string, progress: (share: number) => void): Promise<Blob> {
    const response = await this.fetched(path, { method: "GET", headers: this.headers(false), credentials: "same-origin", cache: "no-store" });
    const length = Number(response.headers.get("content-length") ?? 0);
    const kind = response.headers.get("content-type") ?? "";
    if (!response.body) return response.blob();
    const parts: BlobPart[] = [];
    let come = 0;
    const reader = response.body.getReader();
    try {
      for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
        if (!value) continue;
        parts.push(value);
        come += value.byteLength;
        if (length > 0) progress(Math.min(1, come / length));
      }
    } catch {
      throw new Refusal(0, "cut", "The connection broke off.");
    }
    return new Blob(parts, { type: kind });
  }

  /** The address of something that an element fetches by itself, and can send no header for. */
  address(path: string): string {
    return `${path}${path.includes("?") ? "&" : "?"}role=${this.role}`;
  }

  private get keyName(): string {
    return `mien-key-${this.role}`;
  }

  private headers(changes: boolean): Record<string, string> {
    const headers: Record<string, string> = { "X-Mien-Role": this.role };
    if (changes) Object.assign(headers, { "X-Mien-CSRF": this.csrf, "Content-Type": "application/json" });
    return headers;
  }

  private async ask<T>(method: "GET" | "POST", path: string, body?: unknown, patience_ms = PATIENCE_MS): Promise<T> {
    const init: RequestInit = { method, headers: this.headers(method !== "GET"), credentials: "same-origin", cache: "no-store" };
    if (method !== "GET") init.body = JSON.stringify(body ?? {});
    init.signal = AbortSignal.timeout(patience_ms);
    const response = await this.fetched(path, init);
    try {
      const text = await response.text();
      return (text === "" ? null : JSON.parse(text)) as T;
    } catch {
      throw new Refusal(0, "cut", "The answer of the server broke off.");
    }
  }

  private async fetched(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetcher(path, init);
    } catch {
      throw new Refusal(0, "cut", "The server does not answer.");
    }
    if (response.ok) return response;
    let said: Record<string, unknown> = {};
    try {
      said = (await response.json()) as Record<string, unknown>;
    } catch {
      // a proxy or a crash may answer without JSON: the status alone then says what happened
    }
    const sentence = typeof said["error"] === "string" ? said["error"] : `The server answered ${response.status}.`;
    throw new Refusal(response.status, String(said["kind"] ?? ""), sentence, said);
  }
}

/** Enters, waiting for a server that is not there yet; throws only where the door is shut. */
export async function enterPatiently(door: Door, waiting: () => void = () => undefined): Promise<Entered> {
  for (;;) {
    try {
      return await door.enter();
    } catch (error) {
      if (!(error instanceof Refusal) || !error.passing) throw error;
      waiting();
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}
