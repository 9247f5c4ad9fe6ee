/** Ends with 0 when every link that a package lists in native/pg-symlinks.json is there: `node links-present.mjs PACKAGE_FOLDER`. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const links = JSON.parse(readFileSync(join(folder, "native/pg-symlinks.json"), "utf8"));
process.exitCode = links.every(({ source, target }) => existsSync(join(folder, source)) && existsSync(join(folder, target))) ? 0 : 1;
