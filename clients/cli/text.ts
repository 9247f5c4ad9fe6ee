/** Numbers, times and tables as a person reads them in a terminal. */

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** "1 h 02 min", "3 min 20 s", "12 s". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return `${h} h ${String(m).padStart(2, "0")} min`;
  return m > 0 ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

export function percent(value: number): string {
  return `${Math.floor(value)} %`.padStart(5);
}

/** "2026-11-21 09:44". */
export function when(date: Date | undefined): string {
  return date === undefined ? "" : date.toISOString().slice(0, 16).replace("T", " ");
}

/** "STATE_RUNNING" or the number's name in an enum as "running". */
export function stateName(names: Readonly<Record<string, number | string>>, value: number): string {
  const name = Object.entries(names).find(([, number]) => number === value)?.[0] ?? "unknown";
  return name.toLowerCase();
}

/** Text that people wrote, without what would steer a terminal: control characters and changes of direction. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}

/** Columns as wide as their widest cell, the last one as it is. */
export function table(head: readonly string[], given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(plain));
  const widths = head.map((cell, index) => Math.max(cell.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head.map((cell) => cell.toUpperCase()), ...rows].map(line).join("\n");
}

export function bar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}
