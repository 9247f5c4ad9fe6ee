/** Learns which module is calling, and hides what is internal from everybody else. */

import { errors } from "../errors.ts";
import type { PeerProof } from "../loopback.ts";
import type { Step } from "./step.ts";

export function peerStep(proof: PeerProof): Step {
  return {
    name: "peer",
    enter(call) {
      if (call.via === "internal") call.peer = proof.verify(call);
      if (call.target.access.exposure === "internal" && call.peer === undefined) {
        throw errors.TARGET_NOT_FOUND(call.target.name);
      }
    },
  };
}
