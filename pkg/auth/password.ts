/** Passwords as argon2id hashes in PHC string form, with OWASP's parameters (19 MiB, 2 passes, 1 lane). */

import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const argon2Async = promisify(argon2);

const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const TAG_BYTES = 32;

/** `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`. Takes about 20 ms of one core, off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive(password, salt, { memory: MEMORY_KIB, passes: PASSES, parallelism: LANES });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${b64(salt)}$${b64(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** False also for a hash of another form. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) return false;
  const expected = Buffer.from(tag, "base64");
  const actual = await derive(password, Buffer.from(salt, "base64"), {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  });
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

async function derive(
  password: string,
  nonce: Buffer,
  cost: { readonly memory: number; readonly passes: number; readonly parallelism: number },
): Promise<Buffer> {
  // NFKC, so that the same password typed on another keyboard is the same bytes (NIST SP 800-63B 5.1.1.2).
  const message = Buffer.from(password.normalize("NFKC"));
  return (await argon2Async("argon2id", { message, nonce, ...cost, tagLength: TAG_BYTES })) as Buffer;
}

function b64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
