// What runs inside a page. Each function is sent as its source text, so it uses nothing but its arguments.

/** What makes the page wider than the screen. */
export function findTooWide() {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const all = [...document.querySelectorAll("body *")];
  const wide = all.filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1);
  const names = wide.map((one) => `${one.localName}${one.id ? `#${one.id}` : ""}.${one.className}`);
  return [`is ${root.scrollWidth - root.clientWidth} px too wide: ${names.slice(-3).join(", ")}`];
}

/** Makes all text twice as large, as a person's browser would. */
export function enlargeText() {
  document.documentElement.style.fontSize = "200%";
}

/** What is wrong with the page as it stands, beyond what axe looks for. */
export function findProblems() {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const headings = all("h1");
  const heading = headings[0]?.textContent.trim() ?? "";
  if (headings.length !== 1) problems.push(`has ${headings.length} h1`);
  const service = document.querySelector(".brand")?.textContent.trim();
  const refused = all("[aria-invalid], [role=alert]").length > 0;
  const title = `${refused ? "Error: " : ""}${heading} · ${service}`;
  if (document.title !== title) problems.push(`is titled "${document.title}" and not "${title}"`);
  const ids = all("[id]").map((one) => one.id);
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) problems.push(`has two elements #${id}`);
  for (const link of all('a[href^="#"]')) {
    if (!document.getElementById(link.hash.slice(1))) problems.push(`links to ${link.hash}, which is not there`);
  }
  for (const one of all("[style], script:not([src]), style, [onclick], [onload]")) problems.push(`has inline code: ${one.outerHTML}`);
  const summary = document.querySelector(".faults");
  if (document.querySelector("[aria-invalid]") && !summary) problems.push("has faults and no summary of them");
  if (summary) {
    const targets = [...summary.querySelectorAll("a")].map((link) => document.getElementById(link.hash.slice(1)));
    for (const [at, target] of targets.entries()) {
      const next = targets[at + 1];
      const follows = !next || target === next || target?.compareDocumentPosition(next) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (!follows) problems.push(`names the fault of #${next?.id} after that of #${target?.id}, which comes later`);
      const place = target?.closest(".field") ?? target;
      if (!place?.querySelector(".error") && !place?.matches(".error")) {
        problems.push(`does not say at #${target?.id} what is wrong there`);
      }
    }
  }
  for (const field of all("form[method=post] input:not([type=hidden], [type=checkbox], [type=radio])")) {
    if (!field.autocomplete) problems.push(`does not say how #${field.id} is completed`);
  }
  return problems;
}

/** Whether a page that says what is wrong begins by reading that out. Browsers move the focus there a moment after they have
 * shown the page, on a busy machine a longer one. */
export async function beginsAtTheFaults(patience) {
  const summary = document.querySelector(".faults");
  const until = Date.now() + patience;
  while (summary && document.activeElement !== summary && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return !summary || document.activeElement === summary;
}

/** Whether the captcha's script puts a solution into the form, on a page that has a challenge, before the patience ends. */
export async function solvesItsChallenge(patience) {
  const form = document.querySelector("form[data-challenge]");
  const until = Date.now() + patience;
  while (form && !form.elements.altcha.value && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return !form || form.elements.altcha.value !== "";
}

/** What is wrong with the advice for a new password, on a page that has any: typed text is counted, shown and hidden. */
export async function advisesOnPasswords() {
  const form = document.querySelector("form[data-password-min]");
  if (!form) return [];
  const problems = [];
  const [field, repeated] = form.querySelectorAll("input[autocomplete=new-password]");
  const button = form.querySelector("button[aria-pressed]");
  const status = form.querySelector("[role=status]");
  if (!button || !status) return ["has no advice for its password"];
  const least = Number(form.dataset.passwordMin);
  const typed = async (text) => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 700));
    return status.textContent;
  };
  // One code point outside the basic plane, and one that NFC makes of two.
  const short = await typed("\u{1F511}" + "e\u0301" + "a".repeat(least - 3));
  if (!short.startsWith("1 more character ")) problems.push(`advises "${short}" where one character is missing`);
  const long = await typed("\u{1F511}".repeat(least));
  if (!long.startsWith("Long enough")) problems.push(`advises "${long}" where ${least} characters are there`);
  if ((await typed("")) !== "") problems.push("advises on nothing");
  const states = () => `${button.getAttribute("aria-pressed")} ${field.type} ${repeated.type}`;
  const seen = [states()];
  for (let press = 0; press < 2; press += 1) {
    button.click();
    seen.push(states());
  }
  const expected = "false password password, true text text, false password password";
  if (seen.join(", ") !== expected) problems.push(`shows and hides its password as ${seen.join(", ")}`);
  return problems;
}

/** Numbers what the Tab key has to reach, in the order of the document, and puts the focus before all of it. */
export function markStops() {
  const selector = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  // What Enter in a field presses is the form's first button. Where that is no stop, it has to repeat one that is.
  const isPressedByEnterOnly = (one) =>
    one.tabIndex === -1 &&
    [...(one.form?.elements ?? [])].some(
      (other) => other.tabIndex === 0 && other.type === "submit" && other.name === one.name && other.value === one.value,
    );
  const groups = new Set();
  const stops = [...document.querySelectorAll(selector)].filter((one) => {
    if (one.disabled || !one.checkVisibility() || isPressedByEnterOnly(one)) return false;
    if (one.type !== "radio") return true;
    // The arrow keys move inside a group; Tab reaches the checked one, or the first.
    const chosen = document.querySelector(`input[name="${CSS.escape(one.name)}"]:checked`);
    const first = !groups.has(one.name);
    groups.add(one.name);
    return chosen ? one === chosen : first;
  });
  window.stops = stops;
  window.nameOf = (one) => {
    if (one === document.body || !one) return "nothing";
    const name = one.id ? `#${one.id}` : `${one.localName}${one.className ? `.${one.className}` : ""}`;
    return `${name} (${stops.indexOf(one) + 1} of ${stops.length})`;
  };
  window.scrollTo(0, 0);
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  return stops.map(window.nameOf);
}

/** What has the focus, and what keeps people from seeing that. */
export function describeStop() {
  const one = document.activeElement;
  const problems = [];
  const style = getComputedStyle(one);
  if (style.outlineStyle === "none" || Number.parseFloat(style.outlineWidth) < 2) problems.push("shows no outline");
  const box = one.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  if (!inside || box.width < 1 || box.height < 1) problems.push("is out of sight");
  return { selector: window.nameOf(one), problems };
}
