// Somebody at a browser: does what labels, buttons and links say, and examines every page that comes.

import { readFileSync } from "node:fs";
import { findTooWide } from "./probes.js";

const SIZE = { width: 1000, height: 700 };
const NARROW = { width: 320, height: 700 };
/** What no page's address may have. */
const TOKEN = /[?&](token|confirmation)=|status\?invitation=/;
/** How long a page may take, milliseconds. */
const PATIENCE = 15_000;

export class Person {
  #browser;
  #problems = [];
  #allowed;

  constructor(browser, { scripts, given = "", family = "", email = "", organization = "" }) {
    Object.assign(this, { scripts, given, family, email, organization, name: `${given} ${family}` });
    this.#browser = browser;
  }

  async open(address, heading) {
    if (!this.page) await this.#begin();
    await this.page.goto(address);
    await this.arrive(heading);
  }

  /** Follows a link on another site's page, as in a webmail: whatever the browser does to such requests happens here. */
  async openMailed(link, heading) {
    if (!this.page) await this.#begin();
    const letter = `<!doctype html><title>Mail</title><a href="${link.replaceAll("&", "&amp;")}">Open</a>`;
    await this.page.goto(`data:text/html,${encodeURIComponent(letter)}`);
    await this.#leave(() => this.page.getByRole("link", { name: "Open" }).click());
    await this.arrive(heading);
  }

  async #begin() {
    this.context = await this.#browser.newContext({ javaScriptEnabled: this.scripts, viewport: SIZE, colorScheme: "light" });
    this.context.setDefaultTimeout(PATIENCE);
    this.context.on("console", (message) => {
      // What the answers' statuses are is judged below.
      const status = message.text().includes("server responded with a status of");
      if (["error", "warning"].includes(message.type()) && !status) this.#problems.push(`console: ${message.text()}`);
    });
    this.context.on("weberror", (error) => this.#problems.push(`script: ${error.error().message}`));
    this.context.on("requestfailed", (request) => {
      // The browser gives a page up where a file comes instead, or the next page is asked for.
      if (request.isNavigationRequest() && request.failure()?.errorText === "net::ERR_ABORTED") return;
      this.#problems.push(`not loaded: ${request.url()} (${request.failure()?.errorText})`);
    });
    this.context.on("response", (response) => {
      const status = response.status();
      if (status >= 400 && status !== this.#allowed) this.#problems.push(`${status} from ${response.url()}`);
    });
    this.page = await this.context.newPage();
  }

  /** Waits for the page with this heading, and examines it. */
  async arrive(heading, address = /./) {
    await this.page.waitForURL(address);
    await this.page.waitForLoadState("load");
    const headings = this.page.getByRole("heading", { level: 1 });
    const wanted = this.page.getByRole("heading", { level: 1, name: heading, exact: typeof heading === "string" });
    await wanted.waitFor().catch(async () => {
      const shown = await headings.allTextContents();
      this.complain();
      throw new Error(`"${shown.join('", "')}" is there instead of "${heading}"`);
    });
    const count = await headings.count();
    if (count !== 1) this.#problems.push(`${count} h1`);
    if (TOKEN.test(this.page.url())) this.#problems.push("the address has a token");
    await this.page.setViewportSize(NARROW);
    for (const wide of await this.page.evaluate(findTooWide)) this.#problems.push(`at 320 px, the page ${wide}`);
    await this.page.setViewportSize(SIZE);
    this.complain();
  }

  /** Fails with what was noticed since. */
  complain() {
    const problems = this.#problems.splice(0);
    if (problems.length > 0) throw new Error([...new Set(problems)].join("\n"));
  }

  /** Does what the service is to refuse with this status. */
  async refused(status, action) {
    this.#allowed = status;
    await action();
    this.#allowed = undefined;
  }

  /** The control with this label. */
  field(label) {
    const words = label.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return this.page.getByLabel(new RegExp(`^\\s*${words}[\\s*]*(\\(required\\))?\\s*$`));
  }

  async fill(values) {
    for (const [label, value] of Object.entries(values)) await this.field(label).fill(value);
  }

  async submit(button) {
    await this.page.getByRole("button", { name: button, exact: true }).last().click();
  }

  async press(button, heading) {
    await this.#leave(() => this.submit(button));
    await this.arrive(heading);
  }

  async follow(link, heading) {
    await this.#leave(() => this.page.getByRole("link", { name: link, exact: true }).first().click());
    await this.arrive(heading);
  }

  /** Waits until another document has come, whose heading may be the same. */
  async #leave(action) {
    const came = this.page.waitForEvent("domcontentloaded");
    await Promise.all([came, action()]);
  }

  async sees(text) {
    await this.page.getByText(text).first().waitFor();
  }

  /** The text of the file that the button downloads. */
  async download(button) {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.submit(button)]);
    return readFileSync(await download.path(), "utf8");
  }

  async close() {
    await this.context?.close();
  }
}
