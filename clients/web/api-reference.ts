/** Makes the documentation's data from the contracts: services, methods and fields with their comments, rules and access. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type FileRegistry,
  fromBinary,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { Plugin } from "vite";
import { readReasons } from "./reasons.ts";
import { inWords, leastItems, sampleOf } from "./rules.ts";
import type { ApiReference, EnumDoc, FieldDoc, MessageDoc, MethodDoc, TypeDoc } from "./src/docs/reference.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MODULE = "virtual:api-reference";
const OWN = "matinee.";
/** What our methods are declared with is shown with them. */
const OPTIONS = "matinee.options.";
const MAX_DESCRIPTORS_BYTES = 64 * 1024 * 1024;

/** What JSON has in place of these messages. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "time (RFC 3339)",
  "google.protobuf.Duration": 'duration ("12.5s")',
  "google.protobuf.FieldMask": 'field mask ("a,b.c")',
  "google.protobuf.Any": "object with @type",
  "google.protobuf.Struct": "object",
};

/** The module `virtual:api-reference`. */
export function apiReference(): Plugin {
  return {
    name: "matinee-api-reference",
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      if (id !== `\0${MODULE}`) return undefined;
      const text = JSON.stringify(await readReference());
      // A string is read faster than the same as a program.
      return `export const reference = JSON.parse(${JSON.stringify(text)});`;
    },
  };
}

export async function readReference(): Promise<ApiReference> {
  const [registry, reasons] = await Promise.all([readContracts(), readReasons(ROOT)]);
  return { ...describe(registry), reasons };
}

/** Every file of the contracts with what it imports, and the comments. */
export async function readContracts(): Promise<FileRegistry> {
  const { stdout } = await promisify(execFile)(
    `${ROOT}node_modules/.bin/buf`,
    ["build", "--output", "-#format=binpb"],
    {
      cwd: ROOT,
      encoding: "buffer",
      maxBuffer: MAX_DESCRIPTORS_BYTES,
    },
  );
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
}

function describe(registry: FileRegistry): Omit<ApiReference, "reasons"> {
  const files = [...registry.files].filter(({ proto }) => isOwn(proto.package));
  const types: Record<string, TypeDoc> = {};
  const reader = newReader(registry, (type) => {
    if (types[type.typeName] !== undefined) return;
    // Known from here on, for types that hold themselves.
    const doc = { ...(type.kind === "enum" ? reader.enum(type) : { ...reader.message(type), fields: [] }) };
    types[type.typeName] = doc;
    if (type.kind === "message") types[type.typeName] = { ...(doc as MessageDoc), fields: reader.fields(type) };
  });
  const services = files
    .flatMap((file) => file.services)
    .map((service) => ({
      name: service.name,
      typeName: service.typeName,
      module: service.typeName.split(".")[1] ?? "",
      comment: reader.commentOf(service),
      methods: service.methods.map((method) => reader.method(method)),
    }))
    .toSorted((a, b) => a.typeName.localeCompare(b.typeName));
  // Events and records have no method that names them.
  for (const { messages, enums } of files) for (const type of [...messages, ...enums]) reader.see(type);
  return { services, types };
}

function isOwn(name: string): boolean {
  return name.startsWith(OWN) && !name.startsWith(OPTIONS);
}

function newReader(registry: FileRegistry, see: (type: DescMessage | DescEnum) => void) {
  const extension = (name: string): DescExtension => {
    const found = registry.getExtension(name);
    if (found === undefined) throw new Error(`the contracts have no option ${name}`);
    return found;
  };
  const access = extension("matinee.options.v1.access");
  const fieldRules = extension("buf.validate.field");
  const messageRules = extension("buf.validate.message");
  const oneofRules = extension("buf.validate.oneof");
  const comments = new Map<string, ReadonlyMap<string, string>>();

  const optionOf = (element: DescMethod | DescField | DescMessage | DescOneof, option: DescExtension): JsonObject => {
    if (option.message === undefined || !hasOption(element, option)) return {};
    return toJson(option.message, getOption(element, option) as never, { registry }) as JsonObject;
  };

  function commentOf(element: Commented): string {
    const { file, path } = placeOf(element);
    let known = comments.get(file.name);
    if (known === undefined) {
      known = new Map(
        (file.proto.sourceCodeInfo?.location ?? []).map((location) => [location.path.join(), location.leadingComments]),
      );
      comments.set(file.name, known);
    }
    const text = known.get(path.join()) ?? "";
    // Lines are wrapped in the source; paragraphs are meant.
    return text
      .split(/\n\s*\n/)
      .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
      .filter((paragraph) => paragraph !== "")
      .join("\n\n");
  }

  function method(desc: DescMethod): MethodDoc {
    const { exposure, principals, permissions, callers, rateLimit } = optionOf(desc, access);
    see(desc.input);
    see(desc.output);
    return {
      name: desc.name,
      comment: commentOf(desc),
      input: desc.input.typeName,
      output: desc.output.typeName,
      kind: desc.methodKind,
      isEdge: exposure === "EXPOSURE_EDGE",
      principals: texts(principals).map((name) => name.replace("PRINCIPAL_", "")),
      permissions: texts(permissions),
      callers: texts(callers),
      ...(rateLimit === undefined ? {} : { rateLimit: rateLimit as { perSecond: number; burst: number } }),
      idempotency: (Idempotency[desc.idempotency] ?? "UNKNOWN").replace(
        "IDEMPOTENCY_UNKNOWN",
        "UNKNOWN",
      ) as MethodDoc["idempotency"],
    };
  }

  function field(desc: DescField): FieldDoc {
    const rules = optionOf(desc, fieldRules);
    const type = desc.message ?? desc.enum;
    const isShown = type !== undefined && WELL_KNOWN[type.typeName] === undefined;
    if (isShown) see(type);
    const sample = sampleOf(desc, rules);
    const comment = commentOf(desc);
    return {
      name: desc.jsonName,
      protoName: desc.name,
      comment,
      type:
        type === undefined
          ? scalarName(desc.scalar ?? ScalarType.STRING)
          : (WELL_KNOWN[type.typeName] ?? type.typeName),
      isRepeated: desc.fieldKind === "list",
      ...(desc.fieldKind === "map" ? { mapKey: scalarName(desc.mapKey) } : {}),
      ...(desc.oneof === undefined ? {} : { oneof: desc.oneof.name }),
      isRequired: rules.required === true || refusesEmpty(desc, rules, sample) || /\bRequired\.$/.test(comment),
      isOutput: /\boutput only\b/i.test(comment),
      rules: inWords(rules),
      ...(sample === undefined ? {} : { sample }),
    };
  }

  return {
    see,
    commentOf,
    method,
    fields: (desc: DescMessage): readonly FieldDoc[] => desc.fields.map(field),
    message: (desc: DescMessage): Omit<MessageDoc, "fields"> => ({
      kind: "message",
      name: shortName(desc),
      comment: commentOf(desc),
      rules: inWords(optionOf(desc, messageRules)),
      requiredOneofs: desc.oneofs
        .filter((oneof) => optionOf(oneof, oneofRules).required === true)
        .map(({ name }) => name),
    }),
    enum: (desc: DescEnum): EnumDoc => ({
      kind: "enum",
      name: shortName(desc),
      comment: commentOf(desc),
      values: desc.values.map((value) => ({ name: value.name, comment: commentOf(value) })),
    }),
  };
}

type Commented =
  | DescFile["services"][number]
  | DescMethod
  | DescMessage
  | DescField
  | DescEnum
  | DescEnum["values"][number];

/** Numbers of `google.protobuf.FileDescriptorProto` and its parts, which name the place of a comment. */
const PLACE = { message: 4, enum: 5, service: 6, nestedMessage: 3, nestedEnum: 4, member: 2 } as const;

function placeOf(element: Commented): { readonly file: DescFile; readonly path: readonly number[] } {
  switch (element.kind) {
    case "service":
      return { file: element.file, path: [PLACE.service, element.file.proto.service.indexOf(element.proto)] };
    case "message":
    case "enum": {
      const { parent, file } = element;
      if (element.kind === "message") {
        if (parent === undefined) return { file, path: [PLACE.message, file.proto.messageType.indexOf(element.proto)] };
        const index = parent.proto.nestedType.indexOf(element.proto);
        return { file, path: [...placeOf(parent).path, PLACE.nestedMessage, index] };
      }
      if (parent === undefined) return { file, path: [PLACE.enum, file.proto.enumType.indexOf(element.proto)] };
      return { file, path: [...placeOf(parent).path, PLACE.nestedEnum, parent.proto.enumType.indexOf(element.proto)] };
    }
    case "rpc": {
      const { parent } = element;
      return {
        file: parent.file,
        path: [...placeOf(parent).path, PLACE.member, parent.proto.method.indexOf(element.proto)],
      };
    }
    case "field": {
      const { parent } = element;
      return {
        file: parent.file,
        path: [...placeOf(parent).path, PLACE.member, parent.proto.field.indexOf(element.proto)],
      };
    }
    case "enum_value": {
      const { parent } = element;
      return {
        file: parent.file,
        path: [...placeOf(parent).path, PLACE.member, parent.proto.value.indexOf(element.proto)],
      };
    }
  }
}

/** "Title.State" of "matinee.catalog.v1.Title.State". */
function shortName(type: DescMessage | DescEnum): string {
  const { package: scope } = type.file.proto;
  return scope === "" ? type.typeName : type.typeName.slice(scope.length + 1);
}

function scalarName(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BOOL:
      return "boolean";
    case ScalarType.BYTES:
      return "bytes (base64)";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "64-bit integer (as a string)";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "number";
    default:
      return "integer";
  }
}

/** Whether the sample had to be another value than an absent field has. */
function refusesEmpty(desc: DescField, rules: JsonObject, sample: JsonValue | undefined): boolean {
  if (desc.fieldKind === "list") return leastItems(rules) > 0;
  if (desc.fieldKind === "enum") return desc.enum.values.find(({ name }) => name === sample)?.number !== 0;
  return desc.fieldKind === "scalar" && !["", 0, "0", false].includes(sample as never);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
