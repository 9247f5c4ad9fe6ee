/** Module identity on the loopback interface: a per-run secret stands in for certificates. Nothing else knows it. */

import { createHmac, randomBytes, timingSafeEqual, type X509Certificate } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import { errors } from "./errors.ts";

const HEADER = "x-matinee-peer";

/** What a listener knows of a caller before it believes anything. */
export interface PeerEvidence {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the connection, signed by an authority of the listener's; undefined on clear text. */
  readonly certificate: X509Certificate | undefined;
}

/** How a process proves which module calls, and how a listener checks it. */
export interface PeerProof {
  /** Headers that prove a call comes from `module`; none where this process cannot speak for it. */
  prove(module: string): Record<string, string>;
  /**
   * How `caller` connects to `callee`: the certificate that it presents, and how it knows the other one. Asked for each
   * connection, so that a renewed certificate is taken. Undefined where calls go in clear text.
   */
  tls(caller: string | undefined, callee: string): ConnectionOptions | undefined;
  /** The calling module; undefined where the caller claims none. Throws `PEER_UNPROVED` for a false claim. */
  verify(evidence: PeerEvidence): string | undefined;
}

/** A secret for one run of a host and its children. */
export function newRunSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What a single module needs to prove itself, without the secret that could speak for others. */
export function proofFor(secret: string, module: string): string {
  return `${module}.${createHmac("sha256", secret).update(module).digest("base64url")}`;
}

/** For a process that holds the secret: it speaks for its modules and verifies others. */
export function secretProof(secret: string): PeerProof {
  const proofs = new Map<string, string>();
  return {
    prove(module) {
      let proof = proofs.get(module);
      if (proof === undefined) {
        proof = proofFor(secret, module);
        proofs.set(module, proof);
      }
      return { [HEADER]: proof };
    },
    tls: () => undefined,
    verify({ headers }) {
      const claim = headers[HEADER];
      if (claim === undefined) return undefined;
      const module = claim.slice(0, Math.max(0, claim.indexOf(".")));
      const expected = Buffer.from(proofFor(secret, module));
      const given = Buffer.from(claim);
      if (module === "" || given.length !== expected.length || !timingSafeEqual(given, expected))
        throw errors.PEER_UNPROVED();
      return module;
    },
  };
}

/** For a process that was given the proof of its one module: it can verify nobody. */
export function givenProof(proof: string): PeerProof {
  const own = proof.slice(0, proof.indexOf("."));
  return {
    prove: (module): Record<string, string> => (module === own ? { [HEADER]: proof } : {}),
    tls: () => undefined,
    verify({ headers }) {
      if (headers[HEADER] === undefined) return undefined;
      throw errors.PEER_UNPROVED();
    },
  };
}
