// Numbers as the operator reads them.

export function minutes(value_s: number | null): string {
  if (value_s === null || !Number.isFinite(value_s)) return "–";
  const whole = Math.max(0, Math.round(value_s));
  const hours = Math.floor(whole / 3600);
  const rest = `${String(Math.floor((whole % 3600) / 60)).padStart(hours > 0 ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

export function bytes(value: number | null): string {
  if (value === null) return "–";
  if (value >= 1e12) return `${(value / 1e12).toFixed(1)} TB`;
  if (value >= 1e9) return `${(value / 1e9).toFixed(value < 1e10 ? 1 : 0)} GB`;
  return `${Math.round(value / 1e6)} MB`;
}

export function age(value_s: number | null): string {
  if (value_s === null) return "–";
  return value_s < 1 ? `${Math.round(value_s * 1000)} ms` : value_s < 120 ? `${value_s.toFixed(1)} s` : minutes(value_s);
}

export function rate(value_hz: number | null): string {
  return value_hz === null ? "–" : `${value_hz.toFixed(value_hz < 100 ? 1 : 0)} Hz`;
}

export function milliseconds(value_ms: number | null | undefined): string {
  return value_ms === null || value_ms === undefined ? "–" : `${value_ms.toFixed(value_ms < 10 ? 1 : 0)} ms`;
}
