// Pays on the pages of the payment provider's double, as a person at the keyboard does, and examines each page on the way.
// Standard input: {origin, pay, expired, without, shop}, the addresses of the overview and of payments' pages. Exits with 1 if
// anything is wrong.

import { text } from "node:stream/consumers";

import axe from "axe-core";
import { launch } from "./chromium.js";
import { describeStop, enlargeText, findTooWide, markStops } from "./probes.js";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];
const found = new Set();
let examined = 0;

async function examine(tab, name) {
  await tab.evaluate(axe.source);
  for (const width of [1280, 320]) {
    await tab.setViewportSize({ width, height: 720 });
    for (const problem of await tab.evaluate(findTooWide)) found.add(`${name}, ${width} px: ${problem}`);
    for (const colorScheme of ["light", "dark"]) {
      await tab.emulateMedia({ colorScheme });
      const options = { runOnly: { type: "tag", values: TAGS }, resultTypes: ["violations", "incomplete"] };
      const results = await tab.evaluate((options) => window.axe.run(document, options), options);
      const undecided = results.incomplete.filter((rule) => rule.id === "color-contrast");
      for (const rule of [...results.violations, ...undecided]) {
        for (const node of rule.nodes) {
          found.add(`${name}, ${width} px ${colorScheme}: ${rule.id} at ${node.target.join(" ")}: ${node.failureSummary ?? rule.help}`);
        }
      }
    }
    await walk(tab, `${name}, ${width} px`);
  }
  await tab.setViewportSize({ width: 640, height: 720 });
  await tab.evaluate(enlargeText);
  for (const problem of await tab.evaluate(findTooWide)) found.add(`${name} with large text: ${problem}`);
  examined += 1;
}

/** Presses Tab through the whole page. */
async function walk(tab, name) {
  for (const selector of await tab.evaluate(markStops)) {
    await tab.keyboard.press("Tab");
    const stop = await tab.evaluate(describeStop);
    if (stop.selector !== selector) {
      found.add(`${name}: Tab reaches ${stop.selector} where ${selector} is next`);
      return;
    }
    for (const problem of stop.problems) found.add(`${name}: ${selector} has the focus and ${problem}`);
  }
}

function expect(holds, what) {
  if (!holds) found.add(what);
}

async function pay(tab, number) {
  await tab.getByLabel("Card number").fill(number);
  await tab.getByLabel("Expiry date").fill("12/34");
  await tab.getByLabel("Security code (CVC)").fill("123");
  await tab.keyboard.press("Enter");
  await tab.waitForLoadState();
}

const { origin, pay: address, expired, without, shop } = JSON.parse(await text(process.stdin));
const browser = await launch();
const tab = await browser.newPage();
tab.setDefaultTimeout(30000);
tab.on("console", (message) => {
  // Statuses are no errors here; and Chromium looks for the shop's icon while the page before is still in force.
  const expected = ["server responded with a status of", `${shop}/favicon.ico`].some((said) => message.text().includes(said));
  if (message.type() === "error" && !expected) found.add(`console: ${message.text()}`);
});

await tab.goto(address);
await examine(tab, "payment");
await tab.goto(address);
await tab.getByRole("button", { name: "Pay", exact: true }).click();
await tab.getByText("Please check what you entered").waitFor();
await tab.waitForFunction(() => document.activeElement.matches("[role=alert]"));
await examine(tab, "faults");
await tab.goto(address);
await pay(tab, "4000 0000 0000 0002");
await tab.getByText("Your card was declined.").waitFor();
await examine(tab, "declined");
await tab.goto(address);
await tab.getByRole("button", { name: "Cancel and go back" }).click();
await tab.waitForURL(`${shop}/basket`);
await tab.goto(address);
await pay(tab, "4242 4242 4242 4242");
await tab.waitForURL(`${shop}/paid**`);
await tab.goto(expired);
await examine(tab, "expired");
await tab.goto(without);
expect((await tab.getByRole("button", { name: "Cancel" }).count()) === 0, "there is a way back to nowhere");
await tab.goto(`${origin}/pay/nothing`);
await examine(tab, "not found");
await tab.goto(origin);
await examine(tab, "overview");
await tab.goto(origin);
await tab.getByLabel("Amount in USD").fill("9.00");
await tab.keyboard.press("Enter");
await tab.getByText("paid; 9.00 USD refunded").waitFor();
await tab.getByRole("button", { name: "Refund", exact: true }).click();
await tab.getByText("paid; 49.00 USD refunded").waitFor();
await browser.close();

for (const problem of found) console.log(problem);
console.log(`${examined} pages of the payment provider: ${found.size} problems`);
process.exitCode = found.size === 0 ? 0 : 1;
