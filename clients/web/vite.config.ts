/** How the web client is built and served while it is developed. */

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { finishBuild } from "./finish-build.ts";

const PLATFORM = process.env.MATINEE_URL ?? "http://localhost:8080";

export default defineConfig({
  plugins: [react(), finishBuild()],
  build: {
    target: "es2022",
    sourcemap: false,
    // Tabs that are open across a deploy still ask for the assets of the build before.
    emptyOutDir: false,
    // The player with Shaka is a chunk of its own and may be as large as Shaka is.
    chunkSizeWarningLimit: 900,
    // Fonts stay files: the page's policy and its cache work on files.
    assetsInlineLimit: 0,
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ["/matinee.", "/blobs/", "/license/", "/m/", "/images/", "/.well-known/"].map((path) => [path, PLATFORM]),
    ),
  },
});
