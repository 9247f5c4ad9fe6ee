/** Settings as data: each has an environment variable, a type, a default and a sentence; nothing else reads the environment. */

/** One setting. `default: undefined` with `required` absent means that the setting is off unless given. */
export type Field = { readonly doc: string; readonly secret?: true } & (
  | { readonly type: "string"; readonly default: string | undefined }
  | { readonly type: "integer"; readonly default: number; readonly min: number; readonly max: number }
  | { readonly type: "number"; readonly default: number; readonly min: number; readonly max: number }
  | { readonly type: "boolean"; readonly default: boolean }
  /** "10s", "5m", "24h" in the environment; milliseconds in code. */
  | { readonly type: "duration"; readonly default: string; readonly min: string; readonly max: string }
  | { readonly type: "choice"; readonly choices: readonly string[]; readonly default: string }
);

/**
 * Fields by their name in code. The environment variable is the module's name and the field's in capitals:
 * `leaseMs` of `transcode` is TRANSCODE_LEASE_MS.
 */
export type ConfigSpec = Readonly<Record<string, Field>>;

type ValueOf<F extends Field> = F extends { readonly type: "string"; readonly default: infer D }
  ? D extends string
    ? string
    : string | undefined
  : F extends { readonly type: "integer" | "number" | "duration" }
    ? number
    : F extends { readonly type: "boolean" }
      ? boolean
      : F extends { readonly type: "choice"; readonly choices: readonly (infer C)[] }
        ? C
        : never;

export type ConfigValues<Spec extends ConfigSpec> = { readonly [K in keyof Spec]: ValueOf<Spec[K]> };

/** Keeps the literal types of a spec. */
export function defineConfig<const Spec extends ConfigSpec>(spec: Spec): Spec {
  return spec;
}
