import { beforeEach, describe, expect, it } from "vitest";
import { Sheet } from "../src/sheet";
import { nothing_coded, type Edit, type Expression, type Suggestion } from "../src/types";

const expression = (id: string, onset: number, version = 1): Expression => ({ id, version, body: { ...nothing_coded, onset }, doubts: [] });
const suggestion: Suggestion = { id: "s1", onset: 5, apex: 6, offset: 7, kind: "micro", score: null, regions: [], method: "m", decision: null };

let sent: Omit<Edit, "key">[];
const sheet = (expressions: Expression[] = [], waiting: Parameters<typeof make>[1] = []): Sheet => make(expressions, waiting);
function make(expressions: Expression[], waiting: { edit: Omit<Edit, "key"> }[]): Sheet {
  const rows = waiting.map(({ edit }, order) => ({ order, study: "", by: "", made_at: "", tab: "", sent: false, problem: null, edit: { ...edit, key: "k" } }));
  return new Sheet("c", "alice", { expressions, suggestions: [suggestion] }, rows, (edit) => sent.push(edit), () => undefined);
}
beforeEach(() => void (sent = []));

describe("a sheet", () => {
  it("is in order of time, with what has no time last", () => {
    const its = sheet([expression("b", 20), expression("a", 10), { ...expression("c", 0), body: { ...nothing_coded } }]);
    expect(its.expressions.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  it("sends every change on the version before it", () => {
    const its = sheet([expression("a", 10, 4)]);
    its.change("a", { apex: 12 });
    its.change("a", { apex: 12 });
    its.change("a", { offset: 15 });
    its.create("n", { onset: 3 });
    expect(sent.map(({ expression: id, base, action }) => [id, base, action])).toEqual([["a", 4, "put"], ["a", 5, "put"], ["n", 0, "put"]]);
    expect(sent[1]!.body).toMatchObject({ onset: 10, apex: 12, offset: 15 });
  });

  it("undoes by the opposite change, and redoes", () => {
    const its = sheet([expression("a", 10)]);
    its.change("a", { apex: 12 });
    its.delete("a");
    expect(its.undo()).toBe("a");
    expect(its.get("a")!.body.apex).toBe(12);
    expect(its.undo()).toBe("a");
    expect(its.get("a")!.body.apex).toBeNull();
    expect(its.undo()).toBeNull();
    its.redo();
    its.redo();
    expect(its.get("a")).toBeUndefined();
    expect(its.redo()).toBeNull();
    expect(sent.map(({ action, base }) => [action, base])).toEqual([["put", 1], ["delete", 2], ["put", 3], ["put", 4], ["put", 5], ["delete", 6]]);
  });

  it("undoing a creation deletes, and a new change ends what could be redone", () => {
    const its = sheet();
    its.create("n", { onset: 1 });
    its.undo();
    expect(its.expressions).toEqual([]);
    its.create("m", { onset: 2 });
    expect(its.redo()).toBeNull();
    expect(sent.map(({ action }) => action)).toEqual(["put", "delete", "put"]);
  });

  it("knows a suggestion as confirmed by the expression made of it, rejected by a decision, and undoes both", () => {
    const its = sheet();
    its.create("n", { onset: 5, suggestion: "s1" });
    expect(its.decision(suggestion)).toBe("confirmed");
    its.undo();
    expect(its.decision(suggestion)).toBeNull();
    its.reject("s1", true);
    expect(its.decision(suggestion)).toBe("rejected");
    its.undo();
    expect(its.decision(suggestion)).toBeNull();
    expect(sent.map(({ action }) => action)).toEqual(["put", "delete", "reject", "unreject"]);
  });

  it("shows what waits in this browser over what the server sent", () => {
    const edit = (expressionId: string, base: number, onset: number | null): { edit: Omit<Edit, "key"> } => ({
      edit: { clip: "c", sheet: "alice", action: onset === null ? "delete" : "put", expression: expressionId, base, body: onset === null ? null : { ...nothing_coded, onset } },
    });
    const its = sheet([expression("a", 10, 2), expression("b", 20)], [edit("a", 2, 11), edit("n", 0, 30), edit("b", 1, null)]);
    expect(its.expressions.map(({ id, version, body }) => [id, version, body.onset])).toEqual([["a", 3, 11], ["n", 1, 30]]);
    // the answer to the waiting change was lost: the server's version is already that of the change
    expect(sheet([expression("a", 11, 3)], [edit("a", 2, 11)]).get("a")!.version).toBe(3);
  });

  it("takes doubts of the whole sheet from an answer", () => {
    const its = sheet([expression("a", 10), expression("b", 20)]);
    its.settled("a", 2, { b: [{ code: "overlap", message: "overlaps" }] });
    expect(its.get("b")!.doubts).toHaveLength(1);
    its.settled("a", 3, {});
    expect(its.get("b")!.doubts).toEqual([]);
  });

  it("shows what another page of the same person made, but not over changes on their way", () => {
    const its = sheet([expression("a", 10)]);
    const edit: Edit = { key: "k", clip: "c", sheet: "alice", action: "put", expression: "a", base: 1, body: { ...nothing_coded, onset: 77 } };
    const answer = { seq: 1, version: 2, at: "", repeated: false, doubts: {} };
    expect(its.elsewhere(edit, answer)).toBe(true);
    expect(its.get("a")).toMatchObject({ version: 2, body: { onset: 77 } });
    its.change("a", { apex: 80 });
    expect(its.elsewhere({ ...edit, base: 2 }, { ...answer, version: 3 })).toBe(false);
    expect(its.get("a")!.body).toMatchObject({ onset: 77, apex: 80 });
    its.settled("a", 3, {});
    expect(its.elsewhere({ ...edit, action: "delete", body: null }, { ...answer, version: 4 })).toBe(true);
    expect(its.get("a")).toBeUndefined();
  });

  it("forgets undo steps towards a version that lost", () => {
    const its = sheet([expression("a", 10)]);
    its.change("a", { onset: 12 });
    its.replace("a", { version: 7, body: { ...nothing_coded, onset: 50 } });
    expect(its.get("a")!.body.onset).toBe(50);
    expect(its.undo()).toBeNull();
    its.change("a", { apex: 51 });
    expect(sent.at(-1)!.base).toBe(7);
  });
});
