/** The contracts of the house as descriptors, for tests that go through all of them. */

import { readdirSync } from "node:fs";
import type { DescFile } from "@bufbuild/protobuf";

const FOLDER = new URL("../gen/matinee/", import.meta.url);

/** Every generated file of our own contracts. */
export async function contracts(): Promise<readonly DescFile[]> {
  const paths = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("_pb.ts"));
  const loaded: DescFile[] = [];
  for (const path of paths) {
    const module = (await import(new URL(path, FOLDER).href)) as Record<string, unknown>;
    const file = Object.entries(module).find(([name]) => name.startsWith("file_"))?.[1];
    if (file !== undefined) loaded.push(file as DescFile);
  }
  return loaded;
}
