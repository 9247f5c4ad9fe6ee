/** An issuer's signing keys in the schema of its module, in a table `signing_keys` that the module's migration makes. */

import type { Db } from "#pkg/postgres/db";
import type { SigningKeyStore, StoredSigningKey } from "./signer.ts";

type KeyRow = {
  kid: string;
  public_jwk: StoredSigningKey["publicJwk"];
  wrapped_private_jwk: Buffer;
  created_at: Date;
};

export function openSigningKeyStore(db: Db): SigningKeyStore {
  return {
    async list() {
      const rows = await db.query<KeyRow>(
        "select kid, public_jwk, wrapped_private_jwk, created_at from signing_keys order by created_at desc, kid desc",
      );
      return rows.map((row) => ({
        kid: row.kid,
        publicJwk: row.public_jwk,
        wrappedPrivateJwk: row.wrapped_private_jwk,
        createdAt: row.created_at,
      }));
    },

    async add(key, afterKid) {
      return db.tx(async (tx) => {
        // Two replicas that rotate at once: the second waits here, and then sees the first one's key.
        await tx.execute("lock table signing_keys in exclusive mode");
        const inserted = await tx.execute(
          `insert into signing_keys (kid, public_jwk, wrapped_private_jwk, created_at)
           select $1, $2, $3, $4
            where (select kid from signing_keys order by created_at desc, kid desc limit 1) is not distinct from $5`,
          [key.kid, JSON.stringify(key.publicJwk), key.wrappedPrivateJwk, key.createdAt, afterKid ?? null],
        );
        return inserted === 1;
      });
    },

    async deleteBefore(createdAt) {
      await db.execute("delete from signing_keys where created_at < $1", [createdAt]);
    },
  };
}
