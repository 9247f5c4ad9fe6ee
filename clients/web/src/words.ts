/** Lengths, times, languages and addresses as a person reads them. */

import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";

/** `titles/{uuid}` is `/title/{uuid}` in the address bar. */
export function titleHref(title: Pick<Title, "name">): string {
  return `/title/${idOf(title.name)}`;
}

export function watchHref(title: Pick<Title, "name">): string {
  return `/watch/${idOf(title.name)}`;
}

export function genreHref(genre: string): string {
  return `/genre/${encodeURIComponent(genre)}`;
}

export function idOf(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}

/** "1:02:03" or "2:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = String(s).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

/** The same for a screen reader: "1 hour 2 minutes 3 seconds". */
export function spokenClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor((whole % 3600) / 60), "minute"],
    [whole % 60, "second"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return said.length === 0 ? "0 seconds" : said.join(" ");
}

/** "1 h 42 min", "3 min", "45 s". */
export function runtime(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export function minutesLeft(seconds: number): string {
  return `${runtime(Math.max(1, seconds))} left`;
}

/** "English", "Deutsch"; the tag itself where the browser knows no name. */
export function languageName(tag: string): string {
  if (tag === "" || tag === "und") return "Unknown language";
  try {
    const name = new Intl.DisplayNames([tag, "en"], { type: "language" }).of(tag) ?? tag;
    return name.charAt(0).toUpperCase() + name.slice(1);
  } catch {
    return tag;
  }
}

export function byteSize(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** "1 film", "2 films"; `plural` where it is not the word with an s. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;
}

/** "just now", "5 min ago", "21 Nov". */
export function ago(date: Date | undefined, nowMs: number): string {
  if (date === undefined) return "";
  const minutes = Math.floor((nowMs - date.getTime()) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return date.toLocaleDateString("en", { day: "numeric", month: "short" });
}

export function day(date: Date | undefined): string {
  return date === undefined ? "" : date.toLocaleDateString("en", { day: "numeric", month: "long", year: "numeric" });
}
