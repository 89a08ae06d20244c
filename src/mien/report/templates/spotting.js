"use strict";
// Zoom and pan of the timelines, and the way from a table's row to its place and back. Times are seconds.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const NARROWEST = 0.2;

  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer;

  function clock(at, digits) {
    const unit = 10 ** digits, whole = Math.round(Math.abs(at) * unit), s = Math.floor(whole / unit);
    const two = (n) => String(n).padStart(2, "0");
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    const rest = digits ? "." + String(whole % unit).padStart(digits, "0") : "";
    return (at < 0 && whole ? "-" : "") + (h ? h + ":" + two(m) : m) + ":" + two(s % 60) + rest;
  }

  function unpack(one) {
    const values = new Uint16Array(bytes(one.values));
    if (typeof one.times === "string") {
      const ms = new Uint32Array(bytes(one.times));
      const time = (i) => one.start + ms[i] / 1000;
      const index = (at) => {
        let low = 0, high = ms.length;
        while (low < high) { const mid = (low + high) >> 1; if (time(mid) < at) low = mid + 1; else high = mid; }
        return low;
      };
      return { ...one, values, time, index };
    }
    const [start, step] = one.times;
    return { ...one, values, time: (i) => start + i * step, index: (at) => Math.max(0, Math.ceil((at - start) / step - 1e-9)) };
  }

  function timeline(section) {
    const data = JSON.parse(section.querySelector("script").textContent);
    const chart = section.querySelector("svg.chart"), overview = section.querySelector("svg.overview");
    const told = section.querySelector("output"), cursor = chart.querySelector(".cursor");
    const view = overview.querySelector(".window"), ticks = chart.querySelector(".ticks");
    const series = data.series.map(unpack);
    const curves = new Map(series.map((one) => [one, chart.querySelector(".curve." + one.name)]));
    const moving = [...chart.querySelectorAll("[data-a]")].map((node) => ({
      node, a: +node.dataset.a, b: +(node.dataset.b ?? node.dataset.a), y: node.dataset.y,
      least: node.matches(".bar, .coded") ? 3 : 1,
    }));
    const rows = [...section.querySelectorAll("tbody tr[id]")];
    const whole = data.end - data.begin;
    let from = data.begin, to = data.end, width = 1000, chosen = -1, waiting = false;

    const inner = () => width - data.left - data.right;
    const x = (at) => data.left + inner() * (at - from) / (to - from);
    const time = (px) => from + (to - from) * (px - data.left) / inner();
    const py = (one, bits) => one.top + one.height * (1 - bits / 65534);

    function curve(one) {
      const first = Math.max(0, one.index(from) - 1), stop = Math.min(one.values.length, one.index(to) + 2);
      const by = Math.max(1, Math.floor((stop - first) / (2 * inner())));
      let d = "", pen = "M";
      for (let i = first; i < stop; i += by) {
        let low = 65535, high = -1, where = i;
        for (let k = i; k < Math.min(i + by, stop); k++) {
          const v = one.values[k];
          if (v === 65535) continue;
          if (v > high) { high = v; where = k; }
          if (v < low) low = v;
        }
        if (high < 0) { pen = "M"; continue; }
        const at = x(one.time(where)).toFixed(1);
        d += pen + at + " " + py(one, high).toFixed(1);
        if (by > 1 && low < high) d += "L" + at + " " + py(one, low).toFixed(1);
        pen = "L";
      }
      curves.get(one).setAttribute("d", d);
    }

    function drawTicks() {
      const step = STEPS.find((one) => (to - from) / one <= Math.max(3, inner() / 95)) ?? 3600;
      const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
      const y = +ticks.dataset.y;
      ticks.textContent = "";
      for (let n = Math.ceil(from / step - 1e-6); n * step <= to + 1e-9; n++) {
        const at = x(n * step), line = document.createElementNS(SVG, "line"), words = document.createElementNS(SVG, "text");
        for (const [key, value] of [["x1", at], ["x2", at], ["y1", y], ["y2", y + 4]]) line.setAttribute(key, value);
        words.setAttribute("x", at); words.setAttribute("y", y + 16);
        words.textContent = clock(n * step, digits);
        ticks.append(line, words);
      }
    }

    function draw() {
      waiting = false;
      width = Math.max(chart.clientWidth, 300);
      chart.setAttribute("viewBox", `0 0 ${width} ${data.height + data.axis}`);
      chart.querySelector(".plot").setAttribute("width", inner());
      for (const line of chart.querySelectorAll(".wide")) line.setAttribute("x2", width - data.right);
      for (const { node, a, b, y, least } of moving) {
        const at = Math.max(-1e5, Math.min(1e5, x(a)));
        if (node.tagName === "rect") {
          node.setAttribute("x", at);
          node.setAttribute("width", Math.max(least, Math.min(1e5, x(b)) - at));
        } else if (node.tagName === "line") {
          node.setAttribute("x1", at); node.setAttribute("x2", at);
        } else {
          node.setAttribute("transform", `translate(${at} ${y})`);
        }
      }
      series.forEach(curve);
      drawTicks();
      const shown = data.proposals.filter(([onset, , offset]) => offset >= from && onset <= to).length;
      chart.classList.toggle("dense", shown > inner() / 12);
      view.setAttribute("x", 1000 * (from - data.begin) / whole);
      view.setAttribute("width", Math.max(4, 1000 * (to - from) / whole));
    }

    const later = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };

    function show(a, b) {
      const length = Math.min(whole, Math.max(Math.min(NARROWEST, whole), b - a));
      const middle = (a + b) / 2;
      from = Math.min(Math.max(data.begin, middle - length / 2), data.end - length);
      to = from + length;
      later();
    }
    const zoom = (by, at = (from + to) / 2) => {
      const length = Math.min(whole, Math.max(Math.min(NARROWEST, whole), (to - from) * by)), share = (at - from) / (to - from);
      show(at - share * length, at + (1 - share) * length);
    };
    const pan = (share) => { const by = share * (to - from); show(from + by, to + by); };

    function choose(k, jump) {
      if (k < 0 || k >= data.proposals.length) return;
      chosen = k;
      const [onset, apex, offset] = data.proposals[k];
      if (jump) { const room = Math.max(2, 3 * (offset - onset)); show(apex - room, apex + room); }
      rows.forEach((row) => row.classList.toggle("chosen", row.id.endsWith("p" + (k + 1))));
      chart.querySelectorAll(".bar").forEach((bar, i) => bar.classList.toggle("chosen", i === k));
      tell(apex);
    }
    const next = (by) => choose(chosen < 0 ? (by > 0 ? 0 : data.proposals.length - 1) : chosen + by, true);

    function reveal(k) {
      const row = rows.find((one) => one.id.endsWith("p" + (k + 1)));
      row?.scrollIntoView({ block: "nearest" });
    }

    function tell(at) {
      const words = [clock(at, 3)];
      for (const one of series) {
        const i = one.index(at), bits = one.values[i];
        if (bits !== undefined && bits !== 65535 && Math.abs(one.time(i) - at) < 1) {
          const value = one.low + (one.high - one.low) * bits / 65534;
          words.push(one.name === "score" ? "score " + value.toFixed(2) : value.toFixed(1) + " " + one.unit);
        }
      }
      data.proposals.forEach(([onset, , offset], k) => { if (onset <= at && at <= offset) words.push("expression " + (k + 1)); });
      told.textContent = words.join("  ·  ");
    }

    const place = (event) => (event.clientX - chart.getBoundingClientRect().left) * width / chart.clientWidth;
    let drag = null;
    chart.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX || event.deltaY) / 800);
      else zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 300), time(place(event)));
    }, { passive: false });
    chart.addEventListener("pointerdown", (event) => { if (event.button === 0) drag = { at: place(event), from, to, moved: false }; });
    addEventListener("pointerup", () => { setTimeout(() => { drag = null; }); });
    chart.addEventListener("pointermove", (event) => {
      const at = place(event);
      if (drag && Math.abs(at - drag.at) > 3) {
        drag.moved = true;
        const by = (at - drag.at) / inner() * (drag.to - drag.from);
        show(drag.from - by, drag.to - by);
      }
      const inside = at >= data.left && at <= width - data.right;
      cursor.setAttribute("visibility", inside ? "visible" : "hidden");
      cursor.setAttribute("x1", at); cursor.setAttribute("x2", at);
      if (inside) tell(time(at));
    });
    chart.addEventListener("pointerleave", () => cursor.setAttribute("visibility", "hidden"));
    chart.addEventListener("dblclick", () => show(data.begin, data.end));
    chart.addEventListener("dragstart", (event) => event.preventDefault());
    chart.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link) return;
      event.preventDefault();
      if (drag?.moved) return;
      const k = +link.getAttribute("href").split("p").pop() - 1;
      choose(k, false); reveal(k);
    });
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.5), "=": () => zoom(0.5),
        "-": () => zoom(2), 0: () => show(data.begin, data.end), n: () => next(1), p: () => next(-1) };
      if (keys[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); keys[event.key](); }
    });
    const slide = (event) => {
      const box = overview.getBoundingClientRect(), half = (to - from) / 2;
      const at = data.begin + whole * (event.clientX - box.left) / box.width;
      show(at - half, at + half);
    };
    overview.addEventListener("pointerdown", (event) => { overview.setPointerCapture(event.pointerId); slide(event); });
    overview.addEventListener("pointermove", (event) => { if (event.buttons & 1) slide(event); });

    const acts = { in: () => zoom(0.5), out: () => zoom(2), all: () => show(data.begin, data.end), next: () => next(1), previous: () => next(-1) };
    for (const button of section.querySelectorAll(".tools button")) button.addEventListener("click", () => acts[button.dataset.act]());
    section.querySelector(".tools").hidden = false;
    rows.forEach((row) => {
      const k = +row.id.split("p").pop() - 1;
      row.addEventListener("click", () => { choose(k, true); chart.scrollIntoView({ block: "nearest" }); });
    });
    section.querySelectorAll(".jump").forEach((link) => link.addEventListener("click", (event) => event.preventDefault()));
    section.querySelectorAll("tr[data-a]").forEach((row) => row.addEventListener("click", () => {
      const a = +row.dataset.a, b = +row.dataset.b, room = Math.max(1, (b - a) * 0.2);
      show(a - room, b + room); chart.scrollIntoView({ block: "nearest" });
    }));

    section.querySelectorAll("th[data-sort]").forEach((head) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending", column = [...head.parentNode.children].indexOf(head);
        head.parentNode.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.children[column].dataset.key ?? row.children[column].textContent;
        const sorted = [...rows].sort((a, b) => {
          const p = key(a), q = key(b), order = isNaN(p) || isNaN(q) ? p.localeCompare(q) : p - q;
          return down ? -order : order;
        });
        rows[0]?.parentNode.append(...sorted);
      });
    });
    new ResizeObserver(later).observe(chart);
    draw();
  }
  document.documentElement.classList.add("js");
  document.querySelectorAll("section.video").forEach(timeline);
})();
