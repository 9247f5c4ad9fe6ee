/** `matinee login` and `matinee logout`. */

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { type Context, OPERATOR_EMAIL } from "../context.ts";
import { UsageError } from "../failure.ts";

export async function login(context: Context, email: string | undefined): Promise<void> {
  const { env } = context.io;
  const address = email ?? env.MATINEE_EMAIL ?? OPERATOR_EMAIL;
  const password = env.MATINEE_PASSWORD ?? (await askPassword(context, address));
  const session = await context.session.signIn(address, password);
  context.emit({ account: session.account, email: session.email, isOperator: session.isOperator });
  context.say(`Signed in to ${context.origin} as ${session.email}${session.isOperator ? " (operator)" : ""}.`);
}

export async function logout(context: Context): Promise<void> {
  await context.session.restore();
  await context.session.signOut();
  context.emit({ isSignedIn: false });
  context.say(`Signed out of ${context.origin}.`);
}

async function askPassword(context: Context, address: string): Promise<string> {
  if (process.stdin.isTTY !== true) throw new UsageError("set MATINEE_PASSWORD, or sign in from a terminal");
  context.io.err.write(`Password of ${address}: `);
  // What is typed is not shown.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await input.question("", { signal: context.signal });
  } finally {
    input.close();
    context.io.err.write("\n");
  }
}
