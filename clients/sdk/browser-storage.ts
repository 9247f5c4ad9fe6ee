/** What the browser keeps for us. Where it refuses, the page keeps it for as long as it is open. */

export interface BrowserStorage {
  get(key: string): string | undefined;
  /** Never throws; what the browser does not take is gone with the page. */
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): readonly string[];
}

/** Shared by all tabs, for ever. */
export const forEver = browserStorage(() => localStorage);
/** Of this tab, until it is closed. */
export const forThisTab = browserStorage(() => sessionStorage);

/** `open` may throw: a browser that blocks cookies blocks the mere mention of its storage. */
export function browserStorage(open: () => Storage): BrowserStorage {
  const refused = new Map<string, string>();
  const attempt = <T>(work: (storage: Storage) => T): T | undefined => {
    try {
      return work(open());
    } catch {
      return undefined;
    }
  };
  return {
    get: (key) => refused.get(key) ?? attempt((storage) => storage.getItem(key)) ?? undefined,
    set(key, value) {
      const isKept = attempt((storage) => {
        storage.setItem(key, value);
        return true;
      });
      if (isKept === true) refused.delete(key);
      else refused.set(key, value);
    },
    remove(key) {
      refused.delete(key);
      attempt((storage) => storage.removeItem(key));
    },
    keys: () => [...new Set([...refused.keys(), ...(attempt((storage) => Object.keys(storage)) ?? [])])],
  };
}
