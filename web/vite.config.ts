import { defineConfig } from "vitest/config";

// The page is served by the bench itself under a policy that allows nothing inline: assets are files of their own,
// never data addresses, and no polyfill script is written into the page.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../src/mien/app/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    sourcemap: false,
    rolldownOptions: {
      // the bench, and the four pages of a session
      input: ["index.html", "monitor.html", "participant.html", "display.html", "rate.html"],
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
