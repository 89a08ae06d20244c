import { describe, expect, it } from "vitest";
import { Door, Refusal } from "../../src/present/door";
import { Live } from "../../src/present/live";

class Shelf {
  readonly kept = new Map<string, string>();
  getItem = (name: string): string | null => this.kept.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.kept.set(name, value);
}
interface Asked { method: string; path: string; headers: Record<string, string>; body: unknown }

function door(answers: [status: number, body: unknown][], shelf = new Shelf()): { door: Door; asked: Asked[]; shelf: Shelf } {
  const asked: Asked[] = [];
  const made = new Door("operator", shelf, async (path, init) => {
    asked.push({ method: init.method!, path, headers: init.headers as Record<string, string>, body: init.body === undefined ? undefined : JSON.parse(String(init.body)) });
    const [status, body] = answers.shift() ?? [200, {}];
    if (status === 0) throw new TypeError("network");
    return new Response(JSON.stringify(body), { status });
  });
  return { door: made, asked, shelf };
}
const open = { csrf: "token", role: "operator", study: "A study" };

describe("the door", () => {
  it("takes the key off the address before anything else, and gives it for a cookie", async () => {
    const { door: at, asked, shelf } = door([[200, open]]);
    const shown: string[] = [];
    at.takeKey({ hash: "#key=s3cret", pathname: "/", search: "" } as Location, { replaceState: (_: unknown, __: string, url: string) => void shown.push(url) } as unknown as History);
    expect(shown).toEqual(["/"]);
    await at.enter();
    expect(asked[0]).toMatchObject({ method: "POST", path: "/api/door", body: { role: "operator", key: "s3cret" } });
    expect(shelf.getItem("mien-key-operator")).toBe("s3cret");
  });

  it("comes in by the cookie after a reload, and by the kept key where the server began anew", async () => {
    const reload = door([[200, open]]);
    await reload.door.enter();
    expect(reload.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["GET /api/door?role=operator"]);
    const anew = door([[401, { error: "no", kind: "signed-out" }], [200, open]]);
    anew.shelf.setItem("mien-key-operator", "k");
    await anew.door.enter();
    expect(anew.asked.map(({ method }) => method)).toEqual(["GET", "POST"]);
  });

  it("stays shut without a key", async () => {
    const error = await door([[401, { error: "Open the link.", kind: "signed-out" }]]).door.enter().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Refusal).shut).toBe(true);
    expect((error as Refusal).message).toBe("Open the link.");
  });

  it("states role and token on what changes something", async () => {
    const { door: at, asked } = door([[200, open], [200, { ok: true }]]);
    await at.enter();
    await at.post("/api/x", { a: 1 });
    expect(asked[1]!.headers).toMatchObject({ "X-Mien-CSRF": "token", "X-Mien-Role": "operator" });
    expect(asked[0]!.headers).not.toHaveProperty("X-Mien-CSRF");
    expect(at.address("/api/live")).toBe("/api/live?role=operator");
  });

  it("tells what may pass by itself from what is refused", async () => {
    const { door: at } = door([[0, null], [503, {}], [400, { error: "Wrong.", kind: "x" }]]);
    const failures = [];
    for (let n = 0; n < 3; n += 1) failures.push(await at.get("/x").catch((reason: unknown) => reason as Refusal));
    expect(failures.map((failure) => (failure as Refusal).passing)).toEqual([true, true, false]);
  });
});

describe("live events", () => {
  it("says when the line is cut, and opens another one where the browser gave up", async () => {
    const made: (EventTarget & { close: () => void; readyState: number })[] = [];
    const said: boolean[] = [];
    const heard: unknown[] = [];
    let refusals = 0;
    const live = new Live("/api/live", (up) => void said.push(up), () => void (refusals += 1), () => {
      const source = Object.assign(new EventTarget(), { close: () => undefined, readyState: 1 });
      made.push(source);
      return source as unknown as EventSource;
    });
    live.on("state", (data) => void heard.push(data)).start();
    made[0]!.dispatchEvent(new Event("open"));
    made[0]!.dispatchEvent(Object.assign(new Event("state"), { data: '{"phase":"room"}' }));
    made[0]!.dispatchEvent(Object.assign(new Event("state"), { data: '{"pha' }));
    made[0]!.readyState = 0;
    made[0]!.dispatchEvent(new Event("error"));
    expect([made.length, refusals]).toEqual([1, 0]);
    made[0]!.readyState = 2;
    made[0]!.dispatchEvent(new Event("error"));
    expect(refusals).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    expect(made.length).toBe(2);
    live.stop();
    expect(said).toEqual([true, false]);
    expect(heard).toEqual([{ phase: "room" }]);
  });
});
