/**
 * The arrow keys over shelves and grids of films, as a television's remote has them: left and right in a row, up and down
 * to the nearest film of the next one. A shelf is one stop of the Tab key, where the focus was last.
 */

import { type RefObject, useEffect } from "react";

const SHELF = "[data-shelf]";
/** Lines of a grid that differ by less are one line, in CSS pixels. */
const SAME_LINE = 8;

export function useRoving(shelf: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const list = shelf.current;
    if (list === null) return;
    const one = () => {
      const items = itemsOf(list);
      const current = items.find((item) => item.tabIndex === 0) ?? items[0];
      for (const item of items) item.tabIndex = item === current ? 0 : -1;
    };
    const take = ({ target }: FocusEvent) => {
      for (const item of itemsOf(list)) item.tabIndex = item === target ? 0 : -1;
    };
    const press = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const to = destination(list, event);
      if (to === undefined) return;
      event.preventDefault();
      to.focus();
      to.scrollIntoView({ block: "nearest", inline: "nearest" });
    };
    one();
    const changed = new MutationObserver(one);
    changed.observe(list, { childList: true, subtree: true });
    list.addEventListener("focusin", take);
    list.addEventListener("keydown", press);
    return () => {
      changed.disconnect();
      list.removeEventListener("focusin", take);
      list.removeEventListener("keydown", press);
    };
  }, [shelf]);
}

function itemsOf(list: Element): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>("a[href]")];
}

function destination(list: HTMLElement, { key, target }: KeyboardEvent): HTMLElement | undefined {
  const items = itemsOf(list);
  const at = items.indexOf(target as HTMLElement);
  const from = items[at];
  if (from === undefined) return undefined;
  switch (key) {
    case "ArrowRight":
      return items[at + 1];
    case "ArrowLeft":
      return items[at - 1];
    case "Home":
      return items[0];
    case "End":
      return items.at(-1);
    case "ArrowDown":
      return across(list, items, from, 1);
    case "ArrowUp":
      return across(list, items, from, -1);
    default:
      return undefined;
  }
}

/** The nearest film of the next line: of this grid, else of the shelf that follows on the page. */
function across(list: HTMLElement, items: readonly HTMLElement[], from: HTMLElement, step: 1 | -1) {
  const { top } = from.getBoundingClientRect();
  const beyond = items.filter((item) => (item.getBoundingClientRect().top - top) * step > SAME_LINE);
  if (beyond.length > 0) return nearest(line(beyond, step), from);
  const shelves = [...document.querySelectorAll<HTMLElement>(SHELF)].filter((one) => itemsOf(one).length > 0);
  const next = shelves[shelves.indexOf(list) + step];
  return next && nearest(line(itemsOf(next), step), from);
}

/** The first line of these films for who comes from above, the last for who comes from below. */
function line(items: readonly HTMLElement[], step: 1 | -1): readonly HTMLElement[] {
  const tops = items.map((item) => item.getBoundingClientRect().top);
  const wanted = step === 1 ? Math.min(...tops) : Math.max(...tops);
  return items.filter((_, index) => Math.abs((tops[index] ?? 0) - wanted) <= SAME_LINE);
}

function nearest(items: readonly HTMLElement[], from: HTMLElement): HTMLElement | undefined {
  const middle = (item: HTMLElement) => {
    const { left, width } = item.getBoundingClientRect();
    return left + width / 2;
  };
  const distance = (item: HTMLElement) => Math.abs(middle(item) - middle(from));
  return items.toSorted((a, b) => distance(a) - distance(b))[0];
}
