/** A client in a process of its own that uploads a file and gets stuck in the middle of a part, to be killed there. */

import { folderStateStore, openFileSource } from "../../clients/sdk/file-node.ts";
import { newPlatform } from "../../clients/sdk/platform.ts";
import { uploadFile } from "../../clients/sdk/upload.ts";
import { stallingPut } from "./uploading.ts";

const [origin = "", accessToken = "", path = "", states = "", fromPart = ""] = process.argv.slice(2);
const platform = newPlatform({
  origin,
  tokens: { accessToken: async () => accessToken, refresh: async () => undefined },
});
await uploadFile(platform, {
  source: await openFileSource(path),
  states: folderStateStore(states),
  put: stallingPut(Number(fromPart), (number) => process.stdout.write(`stalled ${number}\n`)),
});
