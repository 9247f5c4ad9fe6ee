/**
 * Hands content keys to one run of Shaka Packager in the Widevine "common encryption" dialect (drm.md 2.2, 2.3) on a
 * loopback port: so no key is on a command line or on disk. It answers only requests signed with the run's own key.
 */

import { constants, generateKeyPair, type KeyObject, randomBytes, verify } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { base64Bytes } from "#pkg/keys/base64";
import type { SecretBytes } from "#pkg/keys/keys";
import type { KeyClass } from "../domain/revision.ts";
import { DRM_LABELS, type KeyServerAccess } from "./argv.ts";

export interface ServedKey {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  readonly key: SecretBytes;
  readonly keyClass: KeyClass;
}

export interface KeyServer extends AsyncDisposable {
  /** What the packager's command line needs; the signing key's path is relative to the run's folder. */
  readonly access: KeyServerAccess;
  /** Requests that were answered with keys. */
  readonly answered: number;
}

const SIGNER = "matinee";
const SIGNING_KEY_FILE = "signer.der";
const WIDEVINE_SYSTEM_ID = "edef8ba979d64acea3c827dcd51d21ed";
const MAX_REQUEST_BYTES = 64 * 1024;
/** RSASSA-PSS with SHA-1 and a salt of its length, as the packager signs. */
const PSS_SALT_BYTES = 20;

/** Serves until disposed; disposal also removes the signing key from `folder`. The keys stay the caller's. */
export async function startKeyServer(options: {
  readonly folder: string;
  /** The asset; a request for another is refused. */
  readonly contentId: Uint8Array;
  readonly keys: readonly ServedKey[];
}): Promise<KeyServer> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const keyPath = join(options.folder, SIGNING_KEY_FILE);
  const der = privateKey.export({ type: "pkcs1", format: "der" });
  await writeFile(keyPath, der, { mode: 0o600, flag: "wx" });
  der.fill(0);
  const path = `/${randomBytes(16).toString("hex")}`;
  const contentId = Buffer.from(options.contentId).toString("base64");
  let answered = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = request.method === "POST" && request.url === path ? await readSigned(request, publicKey) : undefined;
    if (asked === undefined) return refuse(response, 403);
    if (asked.content_id !== contentId || asked.protection_scheme !== "CBCS") return refuse(response, 400);
    const body = keyResponse(typesIn(asked), options.keys);
    answered += 1;
    response.writeHead(200, { "content-type": "application/json", "content-length": body.byteLength });
    await new Promise<void>((resolve) => {
      response.once("close", resolve);
      response.end(body);
    });
    body.fill(0);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => refuse(response, 400));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    access: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
      contentId: Buffer.from(options.contentId).toString("hex"),
      signer: SIGNER,
      signingKeyPath: SIGNING_KEY_FILE,
    },
    get answered() {
      return answered;
    },
    async [Symbol.asyncDispose]() {
      await rm(keyPath, { force: true });
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface KeyRequest {
  readonly content_id?: unknown;
  readonly protection_scheme?: unknown;
  readonly tracks?: unknown;
}

/** Undefined where the signature is not the run's. Throws for what is no request at all. */
async function readSigned(request: IncomingMessage, publicKey: KeyObject): Promise<KeyRequest | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_REQUEST_BYTES) throw new Error("the key request is too large");
    chunks.push(chunk);
  }
  const envelope = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
  if (typeof envelope.request !== "string" || typeof envelope.signature !== "string" || envelope.signer !== SIGNER) {
    return undefined;
  }
  const message = Buffer.from(envelope.request, "base64");
  const isGenuine = verify(
    "sha1",
    message,
    { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PSS_SALT_BYTES },
    Buffer.from(envelope.signature, "base64"),
  );
  return isGenuine ? (JSON.parse(message.toString()) as KeyRequest) : undefined;
}

function typesIn(request: KeyRequest): string[] {
  if (!Array.isArray(request.tracks)) return [];
  return request.tracks.flatMap((track: unknown) =>
    typeof track === "object" && track !== null && "type" in track && typeof track.type === "string"
      ? [track.type]
      : [],
  );
}

/** The packager asks for every type that it knows and takes an answer with those that the asset has. */
function keyResponse(types: readonly string[], keys: readonly ServedKey[]): Buffer {
  const tracks = keys
    .filter(({ keyClass }) => types.includes(DRM_LABELS[keyClass]))
    .flatMap(({ keyId, key, keyClass }, index) => {
      const kid = Buffer.from(keyId).toString("base64");
      // WidevinePsshData with one key id: field 2, 16 bytes.
      const pssh = Buffer.concat([Buffer.from([0x12, 0x10]), keyId]).toString("base64");
      return [
        Buffer.from(`${index === 0 ? "" : ","}{"type":"${DRM_LABELS[keyClass]}","key_id":"${kid}","key":"`),
        base64Bytes(key.reveal()),
        Buffer.from(`","pssh":[{"drm_type":"WIDEVINE","data":"${pssh}"}]}`),
      ];
    });
  const drm = `{"status":"OK","drm":[{"type":"WIDEVINE","system_id":"${WIDEVINE_SYSTEM_ID}"}],"tracks":[`;
  const inner = Buffer.concat([Buffer.from(drm), ...tracks, Buffer.from('],"already_used":false}')]);
  const encoded = base64Bytes(inner);
  const body = Buffer.concat([Buffer.from('{"response":"'), encoded, Buffer.from('"}')]);
  for (const part of [...tracks, inner, encoded]) part.fill(0);
  return body;
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { connection: "close" });
  response.end();
}
