import { describe, expect, it } from "vitest";
import { describeUnit, parseUnits, writeUnits } from "../src/units";

const NAMES = new Map([[12, "Lip Corner Puller"]]);

describe("action units as typed", () => {
  it.each([
    ["1+2+L12B 4c", ["AU1", "AU2", "LAU12B", "AU4C"]],
    ["", []],
    ["  ", []],
    ["au12", ["AU12"]],
    ["LAU12b,r12", ["LAU12B", "RAU12"]],
    ["B12", ["AU12"]],
    ["04", ["AU4"]],
    ["L12 R12 12", ["LAU12", "RAU12", "AU12"]],
    ["1,2;5", ["AU1", "AU2", "AU5"]],
  ])("%j is %j", (typed, units) => {
    expect(parseUnits(typed)).toEqual({ units, error: null });
  });

  it.each([
    ["12F", /"12F" is not an action unit/],
    ["smile", /"SMILE" is not an action unit/],
    ["0", /begin at 1/],
    ["123", /not an action unit/],
    ["12 12B", /AU12 is written twice: 12 and 12B/],
    ["L4 L4", /LAU4 is written twice/],
    ["1 +-2", /not an action unit/],
    ["x".repeat(300), /^"X{12}…" is not/],
  ])("%j is refused in a sentence", (typed, sentence) => {
    const { units, error } = parseUnits(typed);
    expect(units).toBeNull();
    expect(error).toMatch(sentence);
  });

  it("takes 30 and no more", () => {
    const line = (n: number): string => Array.from({ length: n }, (_, place) => String(place + 1)).join("+");
    expect(parseUnits(line(30)).error).toBeNull();
    expect(parseUnits(line(31)).error).toMatch(/at most 30/);
  });

  it("reads back what it writes", () => {
    const units = ["AU1", "LAU12B", "RAU4", "AU26E"];
    expect(parseUnits(writeUnits(units)).units).toEqual(units);
  });

  it("names a unit with its side and intensity", () => {
    expect(describeUnit("LAU12B", NAMES)).toBe("left Lip Corner Puller, intensity B");
    expect(describeUnit("AU45", NAMES)).toBe("AU45");
  });
});
