/** Checks that a request which has to carry a request id does; an `optional` one may be absent. Uniqueness is a row in the create's own transaction. */

import type { DescMethod } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { errors } from "../errors.ts";
import type { Step } from "./step.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function idempotencyStep(): Step {
  const fields = new WeakMap<DescMethod, string | false>();

  function requestIdField(method: DescMethod): string | false {
    let name = fields.get(method);
    if (name === undefined) {
      const field = method.input.fields.find((candidate) => candidate.name === "request_id");
      // One that came to a method later must be optional, or callers of before would be refused; its rules are validated.
      const isOptional = field?.presence === FeatureSet_FieldPresence.EXPLICIT;
      name = field?.fieldKind === "scalar" && !isOptional ? field.localName : false;
      fields.set(method, name);
    }
    return name;
  }

  return {
    name: "idempotency",
    enter(call) {
      const { method } = call.target;
      if (method === undefined || call.request === undefined) return;
      const field = requestIdField(method);
      if (field === false) return;
      const value: unknown = Reflect.get(call.request, field);
      if (typeof value !== "string" || !UUID.test(value)) throw errors.REQUEST_ID_REQUIRED();
    },
  };
}
