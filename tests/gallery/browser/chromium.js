// A browser to look at pages.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** The system's own Chromium, without a profile and without talking to anybody. */
export function launch() {
  return chromium.launch({
    executablePath: onPath("chromium", "chromium-browser", "google-chrome"),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

function onPath(...names) {
  for (const name of names) {
    for (const place of (process.env.PATH ?? "").split(delimiter)) {
      const file = join(place, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  throw new Error(`none of ${names.join(", ")} is on the PATH; Debian: apt-get install chromium`);
}
