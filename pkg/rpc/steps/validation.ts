/** Refuses requests that break the rules of their contract (protovalidate). */

import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { errors } from "../errors.ts";
import { matchesPattern } from "./patterns.ts";
import type { Step } from "./step.ts";

/** More violations than this help nobody. */
const MAX_VIOLATIONS = 50;

/** The library quotes the pattern, which helps nobody who reads it on a page: the contract's comments say the form. */
function wordsFor(ruleId: string, message: string): string {
  return ruleId === "string.pattern" ? "is not written in the form that the contract asks for" : message;
}

export function validationStep(): Step {
  const validator = createValidator({ regexMatch: matchesPattern });
  return {
    name: "validation",
    enter(call) {
      const { method } = call.target;
      if (method === undefined || call.request === undefined) return;
      const result = validator.validate(method.input, call.request);
      if (result.kind === "valid") return;
      // A rule that cannot be evaluated is a mistake in the contract, not in the request.
      if (result.kind === "error") throw result.error;
      throw errors.VALIDATION_FAILED(
        result.violations.slice(0, MAX_VIOLATIONS).map((violation) => ({
          field: pathToString(violation.field),
          description: wordsFor(violation.ruleId, violation.message),
        })),
      );
    },
  };
}
