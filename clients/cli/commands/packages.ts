/** `matinee packages`: list, retry. */

import { toJson } from "@bufbuild/protobuf";
import { type Package, Package_State, PackageSchema } from "@matinee/sdk/gen/matinee/packager/v1/package_pb";
import { PackagerService } from "@matinee/sdk/gen/matinee/packager/v1/packager_service_pb";
import { toDate } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { bytes, stateName, table, when } from "../text.ts";
import { parseName, parseRevision } from "./names.ts";

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
      ["package", "state", "size", "created", ""],
      packages.map((one) => [
        one.name,
        stateName(Package_State, one.state),
        bytes(Number(one.sizeBytes)),
        when(toDate(one.createTime)),
        one.failureReason || (one.waiting?.message ?? ""),
      ]),
    ),
  );
}

/** Packages a failed revision again, without encoding again. */
export async function retryPackage(context: Context, given: string): Promise<void> {
  const name = parseRevision("packages", given);
  const answer = await (await context.platform()).client(PackagerService).retryPackage({ name });
  context.emit({ package: answer.package === undefined ? null : toJson(PackageSchema, answer.package) });
  context.say(`${name} is packaged again.`);
}
