/** What people do on the web client's pages. */

import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import type { Visitor } from "./browser.ts";

export interface Account {
  readonly email: string;
  readonly password: string;
}

export async function signInOnPage({ page }: Visitor, { email, password }: Account): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByTestId("account-menu").waitFor();
}

/** Somebody new, from the front door. */
export async function signUpOnPage(visitor: Visitor): Promise<Account> {
  const { page } = visitor;
  const account = { email: `guest-${randomUUID()}@matinee.test`, password: "a password for scenarios" };
  await visitor.goto("/");
  await page.getByRole("link", { name: "Make an account" }).click();
  await page.getByLabel("Your name").fill("Robin");
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Start watching" }).click();
  await page.getByTestId("account-menu").waitFor();
  return account;
}

/** Lets a file fall onto the studio's page as the desktop does. */
export async function dropFile(page: Page, path: string): Promise<void> {
  const box = await page.getByTestId("drop-zone").boundingBox();
  if (box === null) throw new Error("the page has nowhere to drop a file");
  const session = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + 20 };
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, ...at, data });
  }
  await session.detach();
}

/** Bounds how fast the page may send, in bytes a second, also after a reload. Answers how to lift the bound. */
export async function boundUploads(page: Page, bytesPerSecond: number): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const conditions = { offline: false, latency: 0, downloadThroughput: -1 };
  await session.send("Network.emulateNetworkConditions", { ...conditions, uploadThroughput: bytesPerSecond });
  return async () => {
    await session.send("Network.emulateNetworkConditions", { ...conditions, uploadThroughput: -1 });
    await session.detach();
  };
}
