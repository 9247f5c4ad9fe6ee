/** How the web client is built and served while it is developed. */

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { apiReference } from "./api-reference.ts";
import { displayFont } from "./display-font.ts";
import { finishBuild } from "./finish-build.ts";

const PLATFORM = process.env.MATINEE_URL ?? "http://localhost:8080";

export default defineConfig({
  plugins: [displayFont(), apiReference(), react(), shellFirst(), finishBuild()],
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

/**
 * Style sheets in the head keep the whole page from being drawn. After the shell, which brings its own style, they keep
 * only the script waiting, as they must.
 */
function shellFirst(): Plugin {
  return {
    name: "matinee-shell-first",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html) {
        const sheets = html.match(/ *<link rel="stylesheet"[^>]*>\n/g) ?? [];
        const script = /^ *<script type="module"[^>]*><\/script>\n/m.exec(html)?.[0];
        if (sheets.length === 0 || script === undefined) throw new Error("index.html has no style sheet or no script");
        const moved = [...sheets, script];
        const rest = moved.reduce((text, tag) => text.replace(tag, ""), html);
        return rest.replace("  </body>", `${moved.join("")}  </body>`);
      },
    },
  };
}
