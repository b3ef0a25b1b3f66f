// `npm run shots [words]`: a picture of every page whose file contains one of the words, in each look, to target/gallery/shots.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { directory, each, launch, openTab, pages, serve } from "./gallery.js";

const LOOKS = [
  { name: "light", width: 1280, media: { colorScheme: "light" } },
  { name: "dark", width: 1280, media: { colorScheme: "dark" } },
  { name: "narrow", width: 320, media: { colorScheme: "light" } },
  { name: "contrast", width: 1280, media: { colorScheme: "dark", forcedColors: "active" } },
  { name: "print", width: 800, media: { media: "print" } },
];

const words = process.argv.slice(2);
const wanted = pages.filter((page) => words.length === 0 || words.some((word) => page.file.includes(word)));
const server = await serve();
const browser = await launch();
mkdirSync(join(directory, "shots"), { recursive: true });
await each(wanted, 2, async (page) => {
  const tab = await openTab(browser, server.origin);
  await tab.goto(`${server.origin}/${page.file}`);
  for (const look of LOOKS) {
    await tab.setViewportSize({ width: look.width, height: 720 });
    await tab.emulateMedia({ media: null, colorScheme: null, forcedColors: null, ...look.media });
    const name = page.file.replaceAll("/", ".").replace(/html$/, `${look.name}.png`);
    await tab.screenshot({ path: join(directory, "shots", name), fullPage: true });
  }
  await tab.close();
});
await browser.close();
server.close();
console.log(`${wanted.length} pages, ${LOOKS.length} pictures each, in ${join(directory, "shots")}`);
