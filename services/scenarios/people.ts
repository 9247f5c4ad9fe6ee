/** People who use the platform, each with the SDK as their client. */

import { randomUUID } from "node:crypto";
import { newPlatform, type Platform } from "../../clients/sdk/platform.ts";
import { memorySessionStore, Session } from "../../clients/sdk/session.ts";
import type { Cluster } from "./cluster.ts";

export interface Person {
  readonly platform: Platform;
  readonly session: Session;
}

/** Of everybody new. */
export const PASSWORD = "a password for scenarios";

/** The studio's account, signed in; the same sign-in at every call for one platform. */
export function operatorOf(cluster: Cluster): Promise<Person> {
  let person = operators.get(cluster);
  if (person === undefined) {
    const { email, password } = cluster.operator;
    person = signedIn(cluster, email, password);
    operators.set(cluster, person);
  }
  return person;
}

const operators = new WeakMap<Cluster, Promise<Person>>();

/** Somebody new who may watch and nothing else. */
export async function newViewer(cluster: Cluster): Promise<Person> {
  const session = newSession(cluster);
  await session.signUp({
    email: `viewer-${randomUUID()}@matinee.test`,
    password: PASSWORD,
    displayName: "Viewer",
    language: "en",
    requestId: randomUUID(),
  });
  return withPlatform(cluster, session);
}

/** Somebody who has an account already, on one more device. */
export async function signedIn(cluster: Cluster, email: string, password: string): Promise<Person> {
  const session = newSession(cluster);
  await session.signIn(email, password);
  return withPlatform(cluster, session);
}

function newSession(cluster: Cluster): Session {
  return new Session({ origin: cluster.origin, store: memorySessionStore() });
}

function withPlatform(cluster: Cluster, session: Session): Person {
  return { session, platform: newPlatform({ origin: cluster.origin, tokens: session }) };
}
