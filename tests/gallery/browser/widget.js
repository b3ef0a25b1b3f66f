// `node browser/widget.js`: ALTCHA's published widget in the place of our own script on the public form's first page. It
// fetches our challenge, solves it, and what it puts into the form leads on. SERVICE is the service's address.

import { readFileSync } from "node:fs";
import { launch } from "./chromium.js";

const WIDGET = readFileSync(new URL("../node_modules/altcha/dist/altcha.js", import.meta.url), "utf8");

const service = process.env.SERVICE ?? "http://127.0.0.1:3000";
const browser = await launch();
try {
  // The page's policy allows our own scripts only.
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.route("**/assets/captcha.js", (route) => route.abort());
  await page.goto(`${service}/register?application=business-network`);
  await page.evaluate(() => {
    const form = document.querySelector("form[data-challenge]");
    form.querySelector("input[name=altcha]").remove();
    const widget = document.createElement("altcha-widget");
    widget.setAttribute("challengeurl", form.dataset.challenge);
    widget.setAttribute("auto", "onload");
    form.append(widget);
  });
  await page.addScriptTag({ content: WIDGET, type: "module" });
  await page.waitForFunction(() => document.querySelector("altcha-widget input[name=altcha]")?.value);
  const sent = await page.locator("altcha-widget input[name=altcha]").inputValue();
  await page.getByLabel("E-mail").fill("widget@kestrel.example");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("heading", { level: 1, name: "Complete the following information" }).waitFor();
  const { number, took } = JSON.parse(Buffer.from(sent, "base64").toString());
  console.log(`the published widget found ${number} in ${took} ms`);
} finally {
  await browser.close();
}
