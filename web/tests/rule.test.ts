import { describe, expect, it } from "vitest";
import { durations, ms, verdict } from "../src/rule";
import { nothing_coded, type Body } from "../src/types";

const body = (fields: Partial<Body>): Body => ({ ...nothing_coded, ...fields });
// uneven stamps: 50 ms, 200 ms, 250 ms, 1 ms apart
const TIMES = [0, 0.05, 0.25, 0.5, 0.501];

describe("the rule of micro-expressions", () => {
  it("goes by measured stamps, not by the number of frames", () => {
    expect(durations(body({ onset: 0, apex: 1, offset: 4 }), TIMES)).toEqual({ rise_ms: 50, fall_ms: 451, length_ms: 501 });
  });

  it.each([
    [{ onset: 0, apex: 2, offset: 3 }, "micro", /onset-offset 500 ms ≤ 500 ms/],
    [{ onset: 0, apex: 2, offset: 4 }, "micro", /onset-apex 250 ms ≤ 250 ms/],
    [{ onset: 0, apex: 3, offset: 4 }, "macro", /onset-offset 501 ms > 500 ms, onset-apex 500 ms > 250 ms/],
    [{ onset: 0, apex: 2 }, "micro", /onset-apex/],
    [{ onset: 0, offset: 3 }, "micro", /onset-offset/],
    [{ onset: 0, apex: 3, offset: 3 }, "macro", /offset not observed/],
    [{ onset: 0, apex: 2, offset: 2 }, "micro", /onset-apex/],
    [{ onset: 0 }, null, /needs an onset and an apex or offset/],
    [{ apex: 2, offset: 3 }, null, /not decided/],
    [{ onset: 2, apex: 0, offset: 3 }, null, /out of order/],
    [{ onset: 0, apex: 3, offset: 2 }, null, /out of order/],
    [{}, null, /not decided/],
  ])("%j is %s", (fields, kind, sentence) => {
    const found = verdict(body(fields), TIMES);
    expect(found.kind).toBe(kind);
    expect(found.sentence).toMatch(sentence);
  });

  it("lets a float's rounding decide nothing, and a microsecond everything", () => {
    expect(0.1 + 0.2 - 0.05 > 0.25).toBe(true);
    expect(verdict(body({ onset: 0, apex: 1 }), [0.05, 0.1 + 0.2]).kind).toBe("micro");
    expect(verdict(body({ onset: 0, apex: 1 }), [0, 0.250001]).kind).toBe("macro");
  });

  it("never prints a value over a limit as the limit", () => {
    expect(ms(250.4)).toBe("250.4 ms");
    expect(ms(213.4)).toBe("213 ms");
    expect(ms(500)).toBe("500 ms");
    expect(ms(null)).toBe("–");
  });

  it("says what the rule says where the coder overrides it", () => {
    const found = verdict(body({ onset: 0, apex: 3, kind: "micro", kind_reason: "cut off" }), TIMES);
    expect([found.kind, found.byRule]).toEqual(["micro", "macro"]);
    expect(found.sentence).toMatch(/the rule says macro/);
  });

  it("a frame beyond the clip decides nothing", () => {
    expect(verdict(body({ onset: 0, apex: 99 }), TIMES).kind).toBeNull();
  });
});
