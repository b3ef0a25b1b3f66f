// `npm run check`: examines every page of the gallery in Chromium, prints what is wrong with page and selector, and
// exits with 1 if anything is.

import axe from "axe-core";
import { each, launch, openTab, pages, serve } from "./gallery.js";
import { CONTROLS } from "./controls.js";
import { advisesOnPasswords, beginsAtTheFaults, describeStop, enlargeText, findProblems, findTooWide, markStops, solvesItsChallenge } from "./probes.js";

const WIDTHS = [1280, 320];
/** The width at which text is tried at twice its size (WCAG 1.4.4). */
const ENLARGED = 640;
const SCHEMES = ["light", "dark"];
/** WCAG 2.2, levels A and AA, and what axe recommends beyond it. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];
/** How long a page may compute for its captcha, in milliseconds: on a busy machine far longer than for people. */
const PATIENCE = 60000;
/** Pages at a time: enough to keep the cores of a small machine busy while some wait for an answer. */
const TABS = 4;

let found = new Map();
let examinations = 0;
let stops = 0;

/** Notes a problem; the same one in several looks is printed once. */
function note(page, problem, look) {
  const key = `${page.file}: ${problem}`;
  found.set(key, [...(found.get(key) ?? []), look]);
}

/** Looks at a page in every way; `spoil` changes it before. */
async function examine(tab, page, origin, spoil) {
  const complain = (message) => note(page, message, "loading");
  tab.removeAllListeners();
  tab.on("console", (message) => {
    // The status of the page itself is no error here.
    if (message.type() === "error" && !message.text().includes("server responded with a status of")) {
      complain(`console: ${message.text()}`);
    }
  });
  tab.on("requestfailed", (request) => complain(`not loaded: ${request.url()}`));
  tab.on("response", (response) => {
    if (response.request().resourceType() !== "document" && !response.ok()) {
      complain(`not loaded: ${response.url()} (${response.status()})`);
    }
  });
  const response = await tab.goto(`${origin}/${page.file}`);
  if (response.status() !== page.status) complain(`answered ${response.status()}`);
  if (!(await tab.evaluate(beginsAtTheFaults, PATIENCE))) complain("does not begin at the summary of the faults");
  if (!(await tab.evaluate(solvesItsChallenge, PATIENCE))) complain("does not solve its challenge");
  for (const problem of await tab.evaluate(advisesOnPasswords)) complain(problem);
  if (spoil) await tab.evaluate(spoil);
  // Chromium runs this outside the page's policy, under which no page could.
  await tab.evaluate(axe.source);
  for (const width of WIDTHS) {
    await tab.setViewportSize({ width, height: 720 });
    for (const find of [findTooWide, findProblems]) {
      for (const problem of await tab.evaluate(find)) note(page, problem, `${width}px`);
    }
    for (const colorScheme of SCHEMES) {
      await tab.emulateMedia({ colorScheme });
      await runAxe(tab, page, width, colorScheme);
    }
    await walk(tab, page, `${width}px`);
  }
  await tab.evaluate(enlargeText);
  await tab.setViewportSize({ width: ENLARGED, height: 720 });
  for (const problem of await tab.evaluate(findTooWide)) note(page, problem, `${ENLARGED}px with large text`);
}

async function runAxe(tab, page, width, colorScheme) {
  const look = `${width}px ${colorScheme}`;
  // The schemes differ in their colours only.
  const rules = colorScheme === "dark" ? { type: "rule", values: ["color-contrast", "link-in-text-block"] } : { type: "tag", values: TAGS };
  const options = { runOnly: rules, resultTypes: ["violations", "incomplete"] };
  const results = await tab.evaluate((options) => window.axe.run(document, options), options);
  // What axe cannot decide about contrast would go unexamined, so it counts as well.
  const undecided = results.incomplete.filter((rule) => rule.id === "color-contrast");
  for (const rule of [...results.violations, ...undecided]) {
    for (const node of rule.nodes) {
      note(page, `${rule.id} at ${node.target.join(" ")}: ${node.failureSummary ?? rule.help}`, look);
    }
  }
  examinations += 1;
}

/** Presses Tab through the whole page: every control in the order of the document, each visible and visibly focused. */
async function walk(tab, page, look) {
  const expected = await tab.evaluate(markStops);
  for (const selector of expected) {
    await tab.keyboard.press("Tab");
    const stop = await tab.evaluate(describeStop);
    stops += 1;
    if (stop.selector !== selector) {
      note(page, `Tab reaches ${stop.selector} where ${selector} is next`, look);
      return;
    }
    for (const problem of stop.problems) note(page, `${selector} has the focus and ${problem}`, look);
  }
}

const began = Date.now();
const server = await serve();
const browser = await launch();
const tabs = await Promise.all(Array.from({ length: TABS }, () => openTab(browser, server.origin)));
await each(pages, TABS, (page, number) => examine(tabs[number], page, server.origin));
const missed = await controls(tabs[0]);
await browser.close();
server.close();

/** Spoils a page in many ways, each of which has to be found: a check that cannot fail shows nothing. */
async function controls(tab) {
  const page = pages.find(({ component, state }) => component === "sign-in" && state === "wrong");
  const [kept, missed] = [found, []];
  for (const [name, spoil] of Object.entries(CONTROLS)) {
    found = new Map();
    await examine(tab, page, server.origin, spoil);
    if (found.size === 0) missed.push(name);
  }
  found = kept;
  return missed;
}

for (const name of missed) console.log(`nothing was found where ${name}`);
for (const [problem, looks] of found) console.log(`${problem} [${[...new Set(looks)].join(", ")}]`);
const seconds = Math.round((Date.now() - began) / 1000);
console.log(`${pages.length} pages, ${examinations} examinations by axe, ${stops} stops of the Tab key: ${found.size} problems; ${missed.length} of ${Object.keys(CONTROLS).length} controls missed; ${seconds} s`);
process.exitCode = found.size === 0 && missed.length === 0 && pages.length > 0 ? 0 : 1;
