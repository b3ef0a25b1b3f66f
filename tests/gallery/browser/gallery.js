// The gallery's files on a loopback port, answered as the service would answer.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export { launch } from "./chromium.js";

export const directory = fileURLToPath(new URL("../../../target/gallery/", import.meta.url));
export const pages = JSON.parse(readFileSync(join(directory, "pages.json"), "utf8"));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Serves the gallery until `close()`; a page comes with the status and the headers that the service sends. */
export async function serve(port = 0) {
  const known = new Map(pages.map((page) => [`/${page.file}`, page]));
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://gallery").pathname;
    const page = known.get(path);
    let body;
    try {
      body = readFileSync(join(directory, normalize(path === "/" ? "/index.html" : path)));
    } catch {
      response.writeHead(404, { "content-type": "text/plain" }).end(`no ${path}\n`);
      return;
    }
    const headers = page ? page.headers.flat() : ["content-type", TYPES[extname(path)] ?? "text/html; charset=utf-8"];
    response.writeHead(page ? page.status : 200, headers).end(body);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A tab that talks to nobody else: a script of another origin, which a page's policy has to allow, is an empty one. */
export async function openTab(browser, origin) {
  const tab = await browser.newPage();
  await tab.route(
    (url) => url.origin !== origin,
    (route) =>
      route.request().resourceType() === "script" ? route.fulfill({ contentType: "text/javascript", body: "" }) : route.abort(),
  );
  return tab;
}

/** Runs `work` for every item, `width` at a time. */
export async function each(items, width, work) {
  const waiting = [...items];
  const worker = async (number) => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      await work(item, number);
    }
  };
  await Promise.all(Array.from({ length: width }, (_, number) => worker(number)));
}
