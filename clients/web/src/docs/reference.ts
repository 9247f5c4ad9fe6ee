/** The contracts as the documentation shows them: made from the protos' descriptors when the client is built. */

export interface ApiReference {
  readonly services: readonly ServiceDoc[];
  /** By full name, such as "matinee.catalog.v1.Title". */
  readonly types: Readonly<Record<string, TypeDoc>>;
  readonly reasons: readonly ReasonDoc[];
}

export interface ServiceDoc {
  /** "CatalogService". */
  readonly name: string;
  /** "matinee.catalog.v1.CatalogService". */
  readonly typeName: string;
  /** The module that serves it, which is the first part of its errors' domain: "catalog". */
  readonly module: string;
  readonly comment: string;
  readonly methods: readonly MethodDoc[];
}

export interface MethodDoc {
  readonly name: string;
  readonly comment: string;
  /** Full names of messages. */
  readonly input: string;
  readonly output: string;
  readonly kind: "unary" | "server_streaming" | "client_streaming" | "bidi_streaming";
  /** False where only modules reach it. */
  readonly isEdge: boolean;
  /** "ANYONE", "PROFILE": any one of them may call it. */
  readonly principals: readonly string[];
  /** What an operator needs, all of them. */
  readonly permissions: readonly string[];
  /** Modules that may call it as themselves. */
  readonly callers: readonly string[];
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number };
  readonly idempotency: "UNKNOWN" | "NO_SIDE_EFFECTS" | "IDEMPOTENT";
}

export type TypeDoc = MessageDoc | EnumDoc;

interface NamedType {
  /** "Title" or "Title.State". */
  readonly name: string;
  readonly comment: string;
}

export interface MessageDoc extends NamedType {
  readonly kind: "message";
  readonly fields: readonly FieldDoc[];
  /** Rules about several fields, in words. */
  readonly rules: readonly string[];
  /** Groups of which one field must be set. */
  readonly requiredOneofs: readonly string[];
}

export interface FieldDoc {
  /** As JSON has it: "pageSize". */
  readonly name: string;
  /** As errors and update masks have it: "page_size". */
  readonly protoName: string;
  readonly comment: string;
  /** What JSON has there, or the full name of a message or an enum. */
  readonly type: string;
  readonly isRepeated: boolean;
  /** What the keys are where it is a map. */
  readonly mapKey?: string;
  /** At most one field of a group is set. */
  readonly oneof?: string;
  /** Its rules refuse an absent one. */
  readonly isRequired: boolean;
  /** Only the service sets it. */
  readonly isOutput: boolean;
  /** In words. */
  readonly rules: readonly string[];
  /** A value that its rules admit; absent for messages. */
  readonly sample?: unknown;
}

export interface EnumDoc extends NamedType {
  readonly kind: "enum";
  readonly values: readonly { readonly name: string; readonly comment: string }[];
}

export interface ReasonDoc {
  readonly reason: string;
  /** "services/catalog" or "pkg/rpc". */
  readonly folder: string;
  /** "not_found"; empty where it is told in a field and not as an error. */
  readonly code: string;
  /** When it is answered, where that is said. */
  readonly comment: string;
  /** With "…" where the text says something of the request; empty where all of it does. */
  readonly message: string;
}
