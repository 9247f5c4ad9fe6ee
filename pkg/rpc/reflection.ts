/** `grpc.reflection.v1` from the generated descriptors, for grpcurl and its kind. */

import {
  create,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from "#gen/grpc/reflection/v1/reflection_pb";
import type { AccessRule } from "./call.ts";
import { type LocalService, newLocalService } from "./local.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

interface DescriptorIndex {
  readonly files: ReadonlyMap<string, DescFile>;
  readonly symbols: ReadonlyMap<string, DescFile>;
  readonly extensions: readonly DescExtension[];
}

/** `services` are listed; what they use can be asked for. */
export function reflectionService(services: readonly DescService[], access: AccessRule): LocalService {
  const listed = [...services, ServerReflection];
  const index = indexOf(listed.map((service) => service.file));
  const handler = {
    async *serverReflectionInfo(requests: AsyncIterable<ServerReflectionRequest>) {
      for await (const request of requests) {
        yield create(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request, index, listed),
        });
      }
    },
  };
  return newLocalService("host", ServerReflection, handler, access);
}

function answer(request: ServerReflectionRequest, index: DescriptorIndex, services: readonly DescService[]): Answer {
  const { messageRequest } = request;
  switch (messageRequest.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: services.map((service) => ({ name: service.typeName })) },
      };
    case "fileByFilename":
      return fileAnswer(index.files.get(messageRequest.value));
    case "fileContainingSymbol":
      return fileAnswer(index.symbols.get(messageRequest.value));
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      return fileAnswer(
        index.extensions.find(
          (extension) => extension.extendee.typeName === containingType && extension.number === extensionNumber,
        )?.file,
      );
    }
    case "allExtensionNumbersOfType": {
      const baseTypeName = messageRequest.value;
      const extensionNumber = index.extensions
        .filter((extension) => extension.extendee.typeName === baseTypeName)
        .map((extension) => extension.number);
      if (!index.symbols.has(baseTypeName)) return notFound();
      return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber } };
    }
    default:
      return { case: "errorResponse", value: { errorCode: Code.InvalidArgument, errorMessage: "nothing was asked" } };
  }
}

/** The file with everything that it imports, so that one answer is enough to build it. */
function fileAnswer(file: DescFile | undefined): Answer {
  if (file === undefined) return notFound();
  const files = [...collect([file]).values()];
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: files.map((one) => toBinary(FileDescriptorProtoSchema, one.proto)) },
  };
}

function notFound(): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: "not found" } };
}

/** By the name that files import each other by. */
function collect(roots: readonly DescFile[]): Map<string, DescFile> {
  const files = new Map<string, DescFile>();
  const visit = (file: DescFile) => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const dependency of file.dependencies) visit(dependency);
  };
  for (const root of roots) visit(root);
  return files;
}

function indexOf(roots: readonly DescFile[]): DescriptorIndex {
  const files = collect(roots);
  const symbols = new Map<string, DescFile>();
  const extensions: DescExtension[] = [];
  const addMessage = (message: DescMessage, file: DescFile) => {
    symbols.set(message.typeName, file);
    for (const nested of message.nestedMessages) addMessage(nested, file);
    for (const nested of message.nestedEnums) symbols.set(nested.typeName, file);
    for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, file);
    extensions.push(...message.nestedExtensions);
  };
  for (const file of files.values()) {
    for (const message of file.messages) addMessage(message, file);
    for (const type of file.enums) symbols.set(type.typeName, file);
    for (const extension of file.extensions) {
      symbols.set(extension.typeName, file);
      extensions.push(extension);
    }
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }
  return { files, symbols, extensions };
}
