/** Certificates for tests: an authority of the test's own, and what it signs for modules. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority extends AsyncDisposable {
  /** PEM. */
  readonly ca: string;
  /** For a module, named by its SPIFFE ID `spiffe://matinee.test/{module}`. */
  issue(module: string): Promise<TestCertificate>;
}

const run = promisify(execFile);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Needs Debian's `openssl`. */
export async function newTestAuthority(): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), "matinee-test-ca-"));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  await openssl("req", "-x509", ...KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "1", "-subj", "/CN=test");
  return {
    ca: await readFile(path("ca.pem"), "utf8"),
    async issue(module) {
      await writeFile(path(`${module}.ext`), `subjectAltName=URI:spiffe://matinee.test/${module}\n`);
      await openssl("req", "-new", ...KEY, "-keyout", `${module}.key`, "-out", `${module}.csr`, "-subj", "/CN=module");
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-out", `${module}.pem`];
      await openssl("x509", "-req", "-in", `${module}.csr`, "-extfile", `${module}.ext`, ...signed);
      return {
        cert: await readFile(path(`${module}.pem`), "utf8"),
        key: await readFile(path(`${module}.key`), "utf8"),
      };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
