/** A small ingestion service on a real port, with the faults that uploads must survive. For the SDK's own tests. */

import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { IngestionService } from "../gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { Upload_State } from "../gen/matinee/ingestion/v1/upload_pb.ts";
import { refusal } from "./rpc-server.ts";

interface Stored {
  readonly name: string;
  readonly asset: string;
  readonly fileName: string;
  readonly sizeBytes: bigint;
  state: Upload_State;
  sha256: string;
  readonly parts: Map<number, Buffer>;
}

export interface IngestionServer extends AsyncDisposable {
  readonly origin: string;
  readonly uploads: Map<string, Stored>;
  /** Part numbers in the order in which they were asked to be stored. */
  readonly puts: number[];
  readonly authorizations: (string | undefined)[];
  readonly traceparents: (string | undefined)[];
  /** Decides what happens to a PUT instead of storing it; undefined stores it. */
  onPut: ((part: number, count: number) => "drop" | 403 | 503 | 507 | undefined) | undefined;
  /** Decides the reason to refuse a call with; undefined serves it. */
  onCall: ((method: string, authorization: string | undefined) => string | undefined) | undefined;
}

export async function startIngestionServer(partSizeBytes: number): Promise<IngestionServer> {
  const uploads = new Map<string, Stored>();
  const byRequest = new Map<string, Stored>();
  const puts: number[] = [];
  const authorizations: (string | undefined)[] = [];
  const traceparents: (string | undefined)[] = [];

  const find = (name: string): Stored => {
    const upload = uploads.get(name);
    if (upload === undefined) throw refusal(Code.NotFound, "UPLOAD_NOT_FOUND");
    return upload;
  };
  const toProto = (upload: Stored) => ({
    name: upload.name,
    asset: upload.asset,
    fileName: upload.fileName,
    sizeBytes: upload.sizeBytes,
    partSizeBytes: BigInt(partSizeBytes),
    partCount: Math.ceil(Number(upload.sizeBytes) / partSizeBytes),
    state: upload.state,
  });

  const rpc = connectNodeAdapter({
    routes: (router) =>
      router.service(IngestionService, {
        createUpload({ fileName, sizeBytes, requestId }) {
          const upload: Stored = byRequest.get(requestId) ?? {
            name: `uploads/${randomUUID()}`,
            asset: `assets/${randomUUID()}`,
            fileName,
            sizeBytes,
            state: Upload_State.ACTIVE,
            sha256: "",
            parts: new Map(),
          };
          byRequest.set(requestId, upload);
          uploads.set(upload.name, upload);
          return { upload: toProto(upload) };
        },
        getUpload: ({ name }) => ({ upload: toProto(find(name)) }),
        signUploadParts: ({ name, parts }) => ({
          parts: parts.map(({ number, sha256 }) => ({
            number,
            url: `/blobs/${find(name).name}/${number}?sha256=${sha256}`,
            headers: { "x-checksum": sha256 },
          })),
        }),
        listUploadParts: ({ name }) => ({
          parts: [...find(name).parts].map(([number, body]) => ({
            number,
            sizeBytes: BigInt(body.length),
            sha256: hash(body),
          })),
        }),
        completeUpload({ name, sha256 }) {
          const upload = find(name);
          const whole = Buffer.concat([...upload.parts].sort(([a], [b]) => a - b).map(([, body]) => body));
          if (hash(whole) !== sha256) throw refusal(Code.InvalidArgument, "WHOLE_HASH_WRONG");
          upload.state = Upload_State.COMPLETED;
          upload.sha256 = sha256;
          return { asset: { name: upload.asset } };
        },
        abortUpload({ name }) {
          const upload = find(name);
          upload.state = Upload_State.ABORTED;
          upload.parts.clear();
          return { upload: toProto(upload) };
        },
      }),
  });

  const result = { uploads, puts, authorizations, traceparents } as unknown as {
    -readonly [K in keyof IngestionServer]: IngestionServer[K];
  };
  const server = createServer((request, response) => {
    traceparents.push(request.headers.traceparent as string | undefined);
    if (request.method === "PUT") return void store(request, response);
    authorizations.push(request.headers.authorization);
    const method = (request.url ?? "").split("/").at(-1) ?? "";
    const reason = result.onCall?.(method, request.headers.authorization);
    if (reason !== undefined) {
      const body = JSON.stringify({
        code: "unauthenticated",
        message: "refused",
        details: [{ type: "google.rpc.ErrorInfo", value: errorInfo(reason) }],
      });
      return void response.writeHead(401, { "content-type": "application/json" }).end(body);
    }
    rpc(request, response);
  });

  async function store(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , kind, id, number] = new URL(request.url ?? "", "http://x").pathname.split("/");
    const part = Number(number);
    puts.push(part);
    const fate = result.onPut?.(part, puts.filter((put) => put === part).length);
    if (fate === "drop") return void request.socket.destroy();
    if (fate !== undefined) return void request.resume().on("end", () => response.writeHead(fate).end("refused"));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (hash(body) !== request.headers["x-checksum"]) return void response.writeHead(400).end("BadDigest");
    find(`${kind}/${id}`).parts.set(part, body);
    response.writeHead(200).end();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(result, {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

export function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** ErrorInfo with its field 1, in base64 without padding, as Connect's JSON carries details. */
function errorInfo(reason: string): string {
  const text = Buffer.from(reason);
  return Buffer.concat([Buffer.from([0x0a, text.length]), text])
    .toString("base64")
    .replace(/=+$/, "");
}
