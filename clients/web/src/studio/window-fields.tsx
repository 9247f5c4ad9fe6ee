/** When, where and on which plans a title may be watched: any one window is enough. */

import { useRef } from "react";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { type Faults, newWindow, type WindowDraft } from "./title-draft.ts";
import styles from "./title-form.module.css";

/** The plans of the service, cheapest first; a window may name others too. */
const TIERS = ["basic", "standard", "premium"];
/** The contract's limit. */
const MAX_WINDOWS = 50;

export function WindowFields({
  windows,
  faults,
  onChange,
}: {
  readonly windows: readonly WindowDraft[];
  readonly faults: Faults;
  readonly onChange: (windows: readonly WindowDraft[]) => void;
}) {
  const root = useRef<HTMLDivElement>(null);
  const focusOn = (selector: string) =>
    requestAnimationFrame(() => root.current?.querySelector<HTMLElement>(selector)?.focus());
  const change = (id: number, part: Partial<WindowDraft>) =>
    onChange(windows.map((window) => (window.id === id ? { ...window, ...part } : window)));
  const whole = faults.get("availability_windows");
  return (
    <div ref={root} className={styles.windows} data-testid="windows">
      {windows.length === 0 && (
        <p className={whole === undefined ? styles.none : styles.fault}>
          {whole ?? "No rights window: nobody may watch it."}
        </p>
      )}
      {windows.map((window, index) => {
        const at = `availability_windows[${index}]`;
        const tiers = [...TIERS, ...window.tiers.filter((tier) => !TIERS.includes(tier))];
        return (
          <fieldset key={window.id} className={styles.rights} data-testid="window">
            <legend>{windows.length === 1 ? "Rights" : `Rights, window ${index + 1}`}</legend>
            <div className={styles.columns}>
              <Field
                label="From"
                type="datetime-local"
                value={window.startTime}
                onChange={({ target }) => change(window.id, { startTime: target.value })}
                hint="Empty: always has been"
                fault={faults.get(`${at}.start_time`)}
              />
              <Field
                label="Until"
                type="datetime-local"
                value={window.endTime}
                onChange={({ target }) => change(window.id, { endTime: target.value })}
                hint="Empty: for ever"
                fault={faults.get(`${at}.end_time`)}
              />
              <Field
                label="Territories"
                value={window.territories}
                onChange={({ target }) => change(window.id, { territories: target.value })}
                hint="US, DE. Empty: everywhere"
                fault={faults.get(`${at}.territories`)}
              />
            </div>
            <fieldset className={styles.tiers}>
              <legend>Plans (none chosen: all)</legend>
              {tiers.map((tier) => (
                <label key={tier}>
                  <input
                    type="checkbox"
                    checked={window.tiers.includes(tier)}
                    onChange={({ target }) =>
                      change(window.id, {
                        tiers: target.checked ? [...window.tiers, tier] : window.tiers.filter((one) => one !== tier),
                      })
                    }
                  />
                  {tier}
                </label>
              ))}
            </fieldset>
            <Button
              kind="quiet"
              onClick={() => {
                onChange(windows.filter(({ id }) => id !== window.id));
                focusOn("[data-testid=add-window]");
              }}
            >
              {windows.length === 1 ? "Remove this window" : `Remove window ${index + 1}`}
            </Button>
          </fieldset>
        );
      })}
      {windows.length < MAX_WINDOWS && (
        <div>
          <Button
            icon="plus"
            data-testid="add-window"
            onClick={() => {
              onChange([...windows, newWindow()]);
              focusOn("fieldset:last-of-type input");
            }}
          >
            Add a rights window
          </Button>
        </div>
      )}
    </div>
  );
}
