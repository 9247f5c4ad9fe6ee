/** What a program that we start may know of our own environment: settings and secrets are not its business. */

/** What finds a program, its libraries and its temporary folder. */
const PASSED_ON = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG"];

export function programEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
