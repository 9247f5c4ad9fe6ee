/** `matinee packages`: list, retry. */

import { toJson } from "@bufbuild/protobuf";
import { type Package, Package_State, PackageSchema } from "@matinee/sdk/gen/matinee/packager/v1/package_pb";
import { PackagerService } from "@matinee/sdk/gen/matinee/packager/v1/packager_service_pb";
import { toDate } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { UsageError } from "../failure.ts";
import { bytes, stateName, table, when } from "../text.ts";
import { parseName } from "./names.ts";

const PAGE = 200;

export async function listPackages(context: Context, flags: { asset?: string; limit: number }): Promise<void> {
  const asset = flags.asset === undefined ? "" : parseName("assets", flags.asset);
  const client = (await context.platform()).client(PackagerService);
  const packages: Package[] = [];
  for (let pageToken = ""; packages.length < flags.limit; ) {
    const page = await client.listPackages({
      asset,
      pageToken,
      pageSize: Math.min(PAGE, flags.limit - packages.length),
    });
    packages.push(...page.packages);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  context.emit({ packages: packages.map((one) => toJson(PackageSchema, one)) });
  if (packages.length === 0) return context.say("No packages. Import a film with: matinee import FILE");
  context.say(
    table(
      ["package", "revision", "state", "size", "created", ""],
      packages.map((one) => [
        one.name,
        String(one.revision),
        stateName(Package_State, one.state),
        bytes(Number(one.sizeBytes)),
        when(toDate(one.createTime)),
        one.failureReason || (one.waiting?.message ?? ""),
      ]),
    ),
  );
}

/** Packages every failed revision again, without encoding again. */
export async function retryPackage(context: Context, given: string): Promise<void> {
  const name = parseName("packages", given);
  const client = (await context.platform()).client(PackagerService);
  const failed: Package[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.listPackages({ pageToken, pageSize: PAGE });
    failed.push(...page.packages.filter((one) => one.name === name && one.state === Package_State.FAILED));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  if (failed.length === 0) throw new UsageError(`nothing of ${name} has failed`);
  for (const { revision } of failed) {
    const answer = await client.retryPackage({ name, revision });
    context.emit({ package: answer.package === undefined ? null : toJson(PackageSchema, answer.package) });
    context.say(`Revision ${revision} of ${name} is packaged again.`);
  }
}
