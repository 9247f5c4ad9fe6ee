/**
 * Sealed under root keys in a file that only its owner can read. The file holds every root key that ever was; the last
 * one wraps, all of them unwrap.
 */

import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";
import { type Keys, SecretBytes } from "./keys.ts";
import { checkWrap } from "./limits.ts";
import { SEAL_KEY_BYTES, seal, unseal } from "./seal.ts";

const FORMAT = 1;
const ID_BYTES = 8;
const HEADER_BYTES = 1 + ID_BYTES;

interface RootKey {
  /** 16 hex digits. */
  readonly id: string;
  readonly secret: Uint8Array;
}

/** Opens the key file, making one with a new root key where there is none. Throws `KEY_FILE_EXPOSED`. */
export async function openFileKeys(path: string): Promise<Keys> {
  return keysUnder(await createOnce(path), {
    read: () => readKeyFile(path),
    async write(keyring) {
      await writeKeyFile(path, keyring, "replace");
    },
  });
}

/** Keys that end with the process. */
export async function openMemoryKeys(): Promise<Keys> {
  let kept: readonly RootKey[] = [newRootKey()];
  return keysUnder(kept, {
    read: async () => kept,
    async write(keyring) {
      kept = keyring;
    },
  });
}

/** Where the root keys are kept; processes that are running learn a new one when they meet it. */
interface Keyring {
  readonly read: () => Promise<readonly RootKey[]>;
  readonly write: (keys: readonly RootKey[]) => Promise<void>;
}

function keysUnder(initial: readonly RootKey[], { read, write }: Keyring): Keys {
  let keyring = initial;

  async function findKey(id: string): Promise<RootKey | undefined> {
    const known = keyring.find((key) => key.id === id);
    if (known !== undefined) return known;
    keyring = await read();
    return keyring.find((key) => key.id === id);
  }

  return {
    async wrap(plaintext, context) {
      checkWrap(plaintext, context);
      const key = keyring.at(-1);
      if (key === undefined) throw errors.KEY_UNWRAP_FAILED();
      const header = Buffer.concat([Buffer.from([FORMAT]), Buffer.from(key.id, "hex")]);
      return seal(key.secret, header, plaintext, context);
    },

    async unwrap(wrapped, context) {
      const bytes = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength);
      if (bytes[0] !== FORMAT || bytes.byteLength < HEADER_BYTES) throw errors.KEY_UNWRAP_FAILED();
      const key = await findKey(bytes.subarray(1, HEADER_BYTES).toString("hex"));
      if (key === undefined) throw errors.KEY_UNWRAP_FAILED();
      return new SecretBytes(unseal(key.secret, HEADER_BYTES, bytes, context));
    },

    async rotate() {
      const rotated = [...(await read()), newRootKey()];
      await write(rotated);
      keyring = rotated;
    },

    async ping() {
      await read();
    },

    async [Symbol.asyncDispose]() {
      for (const key of keyring) key.secret.fill(0);
      keyring = [];
    },
  };
}

function newRootKey(): RootKey {
  return { id: randomBytes(ID_BYTES).toString("hex"), secret: randomBytes(SEAL_KEY_BYTES) };
}

async function createOnce(path: string): Promise<readonly RootKey[]> {
  try {
    return await readKeyFile(path);
  } catch (error) {
    if (!isAppError(error) || !isMissing(error.cause)) throw error;
  }
  const created = [newRootKey()];
  return (await writeKeyFile(path, created, "create")) ? created : readKeyFile(path);
}

async function readKeyFile(path: string): Promise<readonly RootKey[]> {
  let text: string;
  try {
    const handle = await open(path, "r");
    try {
      const { mode } = await handle.stat();
      if ((mode & 0o077) !== 0) throw errors.KEY_FILE_EXPOSED(path);
      text = await readFile(handle, "utf8");
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw isAppError(error) ? error : errors.KEY_FILE_UNAVAILABLE(path, error);
  }
  return parseKeyFile(path, text);
}

function parseKeyFile(path: string, text: string): readonly RootKey[] {
  try {
    const file = JSON.parse(text) as { rootKeys: { id: string; secret: string }[] };
    const keys = file.rootKeys.map(({ id, secret }) => ({ id, secret: new Uint8Array(Buffer.from(secret, "base64")) }));
    const whole = keys.every((key) => key.secret.byteLength === SEAL_KEY_BYTES && /^[0-9a-f]{16}$/.test(key.id));
    if (keys.length === 0 || !whole) throw new Error("a root key is missing or cut short");
    return keys;
  } catch (error) {
    throw errors.KEY_FILE_INVALID(path, error);
  }
}

/** Whole or not at all. Creating answers false where another process was first. */
async function writeKeyFile(path: string, keys: readonly RootKey[], mode: "create" | "replace"): Promise<boolean> {
  const building = `${path}.${newId()}.tmp`;
  const rootKeys = keys.map(({ id, secret }) => ({ id, secret: Buffer.from(secret).toString("base64") }));
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(building, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ rootKeys }, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (mode === "replace") await rename(building, path);
    else await link(building, path);
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
    return true;
  } catch (error) {
    if (mode === "create" && error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw errors.KEY_FILE_UNAVAILABLE(path, error);
  } finally {
    await rm(building, { force: true });
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
