/**
 * Root keys in AWS KMS, which never leave it. A secret is sealed under a data key of its purpose; the data key stands before
 * it, encrypted by KMS under the root key. KMS, and with it CloudTrail and key policies (`kms:EncryptionContext:purpose`),
 * sees the purpose alone; the whole context is bound to the sealed secret.
 */

import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  type KeyMetadata,
  KMSClient,
  ListResourceTagsCommand,
  UpdateAliasCommand,
} from "@aws-sdk/client-kms";
import { failureOf } from "#pkg/aws/failure";
import { within } from "#pkg/aws/within";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { type DataKeyKeeper, newDataKeys } from "./data-keys.ts";
import { errors } from "./errors.ts";
import { type KeyContext, type Keys, SecretBytes } from "./keys.ts";
import { checkWrap } from "./limits.ts";
import { SEAL_KEY_BYTES, seal, unseal } from "./seal.ts";

export interface AwsKeysOptions {
  /** `awskms:alias/NAME`, `awskms:KEY_ID` or `awskms:ARN` of either; an ARN's region wins over the environment's. */
  readonly url: string;
  readonly clock: Clock;
}

/** Another than that of sealed values of the file, so that neither takes the other's for its own. */
const FORMAT = 2;
/** The format, and the length of the encrypted data key. */
const PREFIX_BYTES = 3;

/** How long an operation waits for KMS, repeats included. */
const TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 900;
const ATTEMPTS = 3;

const ARN = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?=key\/|alias\/)/;
const ID = /^(alias\/[A-Za-z0-9/_-]{1,250}|(key\/)?(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}))$/;

/** Of the root key itself, whatever is asked of it. */
const UNUSABLE: ReadonlySet<string> = new Set([
  "NotFoundException",
  "DisabledException",
  "KMSInvalidStateException",
  "InvalidKeyUsageException",
]);

/** Of KMS's own, which come with the status of a refusal. */
const AWAY: ReadonlySet<string> = new Set(["DependencyTimeoutException", "KeyUnavailableException"]);

/** Throws `KEYS_URL_INVALID`, `KEY_ROOT_UNUSABLE`, `KEY_KEEPER_DENIES`, `KEY_KEEPER_UNAVAILABLE`; operations the last three as well. */
export async function openAwsKeys({ url, clock }: AwsKeysOptions): Promise<Keys> {
  const root = rootKeyOf(url);
  const client = new KMSClient({
    ...(root.region === undefined ? {} : { region: root.region }),
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });

  async function ask<T>(send: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await within(TIMEOUT_MS, send);
    } catch (error) {
      throw translated(error, root.id);
    }
  }

  async function describe(): Promise<KeyMetadata> {
    const { KeyMetadata: key } = await ask((abortSignal) =>
      client.send(new DescribeKeyCommand({ KeyId: root.id }), { abortSignal }),
    );
    if (key?.Enabled !== true || key.KeySpec !== "SYMMETRIC_DEFAULT") throw errors.KEY_ROOT_UNUSABLE(root.id);
    return key;
  }

  let account: string | undefined;
  try {
    account = accountOf((await describe()).Arn);
  } catch (error) {
    client.destroy();
    throw error;
  }

  const keeper: DataKeyKeeper = {
    async generate(purpose) {
      const key = await ask((abortSignal) =>
        client.send(
          new GenerateDataKeyCommand({ KeyId: root.id, KeySpec: "AES_256", EncryptionContext: forKms(purpose) }),
          { abortSignal },
        ),
      );
      const { Plaintext: secret, CiphertextBlob: wrapped } = key;
      if (secret?.byteLength !== SEAL_KEY_BYTES || wrapped === undefined) throw new Error("KMS made no data key");
      return { secret, wrapped };
    },

    async decrypt(wrapped, purpose) {
      const answer = await ask((abortSignal) =>
        client
          .send(new DecryptCommand({ CiphertextBlob: wrapped, EncryptionContext: forKms(purpose) }), { abortSignal })
          .catch((error: unknown) => {
            throw isOfNoKey(error) ? errors.KEY_UNWRAP_FAILED(error) : error;
          }),
      );
      const { Plaintext: secret, KeyId } = answer;
      // The root key is named by what is opened: one of somebody else's account must not pass for ours.
      if (secret?.byteLength === SEAL_KEY_BYTES && accountOf(KeyId) === account) return secret;
      secret?.fill(0);
      throw errors.KEY_UNWRAP_FAILED();
    },
  };
  const dataKeys = newDataKeys({ keeper, clock });

  return {
    async wrap(plaintext, context) {
      checkWrap(plaintext, context);
      return dataKeys.withNewest(purposeOf(context), ({ wrapped, secret }) => {
        const prefix = Buffer.from([FORMAT, 0, 0]);
        prefix.writeUInt16BE(wrapped.byteLength, 1);
        return seal(secret, Buffer.concat([prefix, wrapped]), plaintext, context);
      });
    },

    async unwrap(wrapped, context) {
      const bytes = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength);
      if (bytes[0] !== FORMAT || bytes.byteLength < PREFIX_BYTES) throw errors.KEY_UNWRAP_FAILED();
      const headerBytes = PREFIX_BYTES + bytes.readUInt16BE(1);
      if (headerBytes === PREFIX_BYTES || bytes.byteLength <= headerBytes) throw errors.KEY_UNWRAP_FAILED();
      return dataKeys.withOpened(
        bytes.subarray(PREFIX_BYTES, headerBytes),
        purposeOf(context),
        ({ secret }) => new SecretBytes(unseal(secret, headerBytes, bytes, context)),
      );
    },

    /**
     * Makes a key like the old one, with its policy and tags, and points the alias at it. Other processes wrap under it
     * when their data keys are used up, within minutes; KMS itself may take as long to follow an alias.
     */
    async rotate() {
      if (root.alias === undefined) throw errors.KEY_ROTATION_ELSEWHERE(root.id);
      const { KeyId, Description, MultiRegion } = await describe();
      const [{ Policy }, { Tags }] = await Promise.all([
        ask((abortSignal) => client.send(new GetKeyPolicyCommand({ KeyId, PolicyName: "default" }), { abortSignal })),
        ask((abortSignal) => client.send(new ListResourceTagsCommand({ KeyId }), { abortSignal })),
      ]);
      const created = await ask((abortSignal) =>
        client.send(new CreateKeyCommand({ Policy, Description, MultiRegion, Tags }), { abortSignal }),
      );
      await ask((abortSignal) =>
        client.send(new UpdateAliasCommand({ AliasName: root.alias, TargetKeyId: created.KeyMetadata?.KeyId }), {
          abortSignal,
        }),
      );
      dataKeys.renew();
    },

    async ping() {
      await describe();
    },

    async [Symbol.asyncDispose]() {
      dataKeys[Symbol.dispose]();
      client.destroy();
    },
  };
}

/** Throws `KEYS_URL_INVALID`. */
function rootKeyOf(url: string): { readonly id: string; readonly alias?: string; readonly region?: string } {
  const id = url.slice("awskms:".length);
  const [prefix = "", region] = ARN.exec(id) ?? [];
  const name = id.slice(prefix.length);
  // Only an ARN says what it is of.
  if (!ID.test(name) || (prefix === "" && name.startsWith("key/"))) throw errors.KEYS_URL_INVALID(url);
  return {
    id,
    ...(name.startsWith("alias/") ? { alias: name } : {}),
    ...(region === undefined ? {} : { region }),
  };
}

/** Contexts without a purpose share theirs. */
function purposeOf(context: KeyContext): string {
  return context.purpose ?? "";
}

function forKms(purpose: string): Record<string, string> | undefined {
  return purpose === "" ? undefined : { purpose };
}

function accountOf(arn: string | undefined): string | undefined {
  return arn?.split(":")[4];
}

/** Whether KMS has no key that opens it under this context. */
function isOfNoKey(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === "InvalidCiphertextException" || error.name === "IncorrectKeyException") return true;
  // KMS denies access to a key that there is not, too; where it is a matter of permissions, it says of which.
  return error.name === "AccessDeniedException" && !/not authorized/i.test(error.message);
}

/** What is no refusal, outage or want of permission, such as a region that nobody named, stays what it is. */
function translated(error: unknown, id: string): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  const failure = failureOf(error);
  // It would quote the key.
  if (failure === "unreadable") return errors.KEY_KEEPER_UNAVAILABLE(new Error("KMS answered what is no answer"));
  if (UNUSABLE.has(error.name)) return errors.KEY_ROOT_UNUSABLE(id, error);
  if (failure === "denied") return errors.KEY_KEEPER_DENIES(error);
  return failure === "away" || AWAY.has(error.name) ? errors.KEY_KEEPER_UNAVAILABLE(error) : error;
}
