// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReportForm, type Report, type ReportAsked } from "../../src/present/report";
import { wordsOf } from "../../src/present/words";

const asked: ReportAsked = { emotions: ["happiness", "surprise", "sadness"], scale: { low: 1, high: 9 }, limit_s: 25 };
let reports: Report[];

function form(more: Partial<ReportAsked> = {}): ReportForm {
  const made = new ReportForm({ ...asked, ...more }, wordsOf(), (emotion) => emotion, (report) => void reports.push(report));
  document.body.replaceChildren(made.element);
  made.begin();
  return made;
}
const key = (name: string, target: Element = document.activeElement ?? document.body): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
  return event;
};
const input = (question: string, value: string): HTMLInputElement => document.querySelector<HTMLInputElement>(`[data-question=${question}] input[value="${value}"]`)!;

beforeEach(() => {
  reports = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => vi.useRealTimers());

describe("the report", () => {
  it("has nothing chosen beforehand, and every choice has a name", () => {
    form();
    expect(document.querySelectorAll("input:checked").length).toBe(0);
    expect([...document.querySelectorAll("[data-question]")].map((question) => question.querySelectorAll("input").length)).toEqual([3, 9, 9]);
    for (const one of document.querySelectorAll("input")) expect(one.closest("label")?.textContent?.trim()).toBeTruthy();
    expect(document.querySelector("[data-question=valence] legend")!.textContent).toMatch(/very unpleasant, very pleasant/);
  });

  it("can be given by the keyboard alone: digits choose and lead on, Enter ends", () => {
    form();
    expect(document.activeElement).toBe(input("emotion", "happiness"));
    key("2");
    key("3");
    key("9");
    vi.advanceTimersByTime(2000);
    expect(document.activeElement?.textContent).toBe("Done");
    (document.activeElement as HTMLButtonElement).click();
    expect(reports).toEqual([{ emotion: "surprise", valence: 3, arousal: 9, timed_out: false, took_s: 2 }]);
  });

  it("takes no number that is on no button", () => {
    form({ scale: { low: 1, high: 5 } });
    key("7");
    expect(document.querySelectorAll("input:checked").length).toBe(0);
    key("1");
    key("0");
    key("6");
    expect(document.querySelectorAll("[data-question=valence] input:checked").length).toBe(0);
    key("5");
    expect(input("valence", "5").checked).toBe(true);
  });

  it("says what is missing and goes there", () => {
    form();
    input("valence", "4").checked = true;
    document.querySelector<HTMLButtonElement>(".report-done")!.click();
    expect(reports).toEqual([]);
    expect(document.querySelector("[role=alert]")!.textContent).toBe("Please answer: emotion, calm or excited.");
    expect(document.activeElement).toBe(input("emotion", "happiness"));
    key("Enter"); // nothing chosen: still missing
    expect(reports).toEqual([]);
  });

  it("sends what was chosen when the time is over, once", () => {
    const made = form();
    key("3");
    vi.advanceTimersByTime(30_000);
    expect(reports).toEqual([{ emotion: "sadness", valence: null, arousal: null, timed_out: true, took_s: 25 }]);
    made.element.querySelector<HTMLButtonElement>(".report-done")!.click();
    expect(reports.length).toBe(1);
  });

  it("shows the time that is left", () => {
    const made = form();
    vi.advanceTimersByTime(12_600);
    expect(document.querySelector(".time-left-text")!.textContent).toBe("13 s left");
    expect(made.element.classList.contains("nearly")).toBe(false);
    vi.advanceTimersByTime(8000);
    expect(made.element.classList.contains("nearly")).toBe(true);
    const share = Number(/scaleX\(([\d.]+)\)/.exec(document.querySelector<HTMLElement>(".time-left-bar")!.style.transform)![1]);
    expect(share).toBeCloseTo(4.4 / 25, 2);
  });

  it("stands still while it is held, and the answer's time without it", () => {
    const made = form();
    vi.advanceTimersByTime(5000);
    made.hold();
    vi.advanceTimersByTime(60_000);
    expect(reports).toEqual([]);
    made.go();
    vi.advanceTimersByTime(19_900);
    expect(reports).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(reports[0]).toMatchObject({ timed_out: true, took_s: 25 });
  });

  it("without a limit waits as long as it takes, and shows an earlier answer", () => {
    const made = form({ limit_s: null });
    made.show({ emotion: "happiness", valence: 2, arousal: 8 });
    vi.advanceTimersByTime(3_600_000);
    expect(document.querySelector("[role=timer]")).toBeNull();
    key("Enter", input("emotion", "happiness"));
    expect(reports).toEqual([{ emotion: "happiness", valence: 2, arousal: 8, timed_out: false, took_s: 3600 }]);
  });

  it("says nothing once it was taken away", () => {
    form().close();
    vi.advanceTimersByTime(60_000);
    expect(reports).toEqual([]);
  });
});

describe("words", () => {
  it("are the study's own, else English, with values in them", () => {
    const words = wordsOf({ trial_label: "Film {number} von {of}", stop: "" });
    expect([words("trial_label", { number: 3, of: 42 }), words("stop"), words("space")]).toEqual(["Film 3 von 42", "", "Press the space bar to go on"]);
    expect(words("seconds_left")).toBe("{seconds} s left");
  });
});
