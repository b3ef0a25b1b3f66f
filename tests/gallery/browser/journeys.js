// `npm run journeys`: both journeys, from nothing to the launched application, as people walk them in Chromium: by what
// they see, with scripts and without. Prints each step; at the first fault its step and a picture of what was there, and
// exits with 1. `-- --screens ../../docs/screens` takes the README's pictures; that needs a service on which nobody
// has registered yet.
//
// The environment says where everything is and what the actors know:
//   SERVICE, MAILBOX         addresses; without them those of `cargo xtask up`
//   ANVIL_API_KEY            the partner's API key
//   ANVIL_WEBHOOK_SECRET     whsec_...
//   OPERATOR_PASSWORD        the registrar's
//   OPERATOR_AUTHENTICATOR   the registrar's authenticator, otpauth://...

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Person } from "./person.js";
import { launch } from "./chromium.js";
import { Place } from "./place.js";
import { shrink } from "./shrink.js";

const PASSWORD = "seven green kettles sing at dawn";
const NEW_PASSWORD = "nine paper boats drift past noon";
const ANSWER = "Bluebell";
const PROFILE = "Complete the following information";
const DASHBOARD = /^Welcome, /;
const FAILURES = fileURLToPath(new URL("../../../target/journeys/", import.meta.url));

const option = process.argv.indexOf("--screens");
const screens = option < 0 ? undefined : process.argv[option + 1];
/** Tells the people of one run from those of another. */
const run = screens ? "" : `.${Date.now().toString(36)}`;

const place = new Place(process.env);
const browser = await launch();
const phone = new Person(browser, { scripts: true });
const shown = new Map();
let current = "the beginning";
let actor = phone;

/** A step of somebody: told with its time, and named when it fails. */
async function step(who, what, work) {
  [current, actor] = [what, who];
  const began = Date.now();
  const outcome = await work();
  who.complain();
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`  ${what.padEnd(56)} ${(outcome ?? "").padEnd(44)} ${seconds.padStart(5)} s`);
}

async function picture(who, name) {
  if (!screens || !who.scripts) return;
  mkdirSync(screens, { recursive: true });
  const file = join(screens, `${name}.png`);
  await who.page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  writeFileSync(file, shrink(await who.page.screenshot()));
}

/** Reads a code from the demonstration authenticator, waiting for the next one where this one was used before. */
async function code(uri) {
  await phone.open(`${place.mailbox}/authenticator`, "Demonstration authenticator");
  await phone.field("Address (otpauth://…)").fill(uri);
  await phone.press("Show the code", "Demonstration authenticator");
  for (;;) {
    const now = await phone.page.getByRole("status").textContent();
    if (now !== shown.get(uri)) {
      shown.set(uri, now);
      return now;
    }
    await phone.page.waitForTimeout(500);
    await phone.page.reload();
  }
}

async function signInOperator(operator) {
  await step(operator, "Registrar signs in, with the keyboard alone", async () => {
    await operator.open(`${place.service}/operate`, "Operator sign-in");
    const digits = await code(place.operatorAuthenticator);
    await operator.field("Operator id").focus();
    for (const typed of ["registrar", place.operatorPassword, digits]) {
      await operator.page.keyboard.type(typed);
      if (typed !== digits) await operator.page.keyboard.press("Tab");
    }
    await operator.page.keyboard.press("Enter");
    await operator.arrive("Registrations to review");
  });
}

async function approve(operator, supplier) {
  await step(operator, "Registrar approves", async () => {
    await operator.open(`${place.service}/operate`, "Registrations to review");
    await operator.page.getByRole("link", { name: supplier.organization, exact: true }).last().click();
    await operator.arrive(`Registration of ${supplier.organization}`);
    await operator.sees(supplier.email);
    await operator.page.getByLabel("Approve").check();
    await operator.press("Decide", "Registrations to review");
  });
}

async function fillProfile(supplier) {
  await supplier.fill({
    "Work phone": "419 555 0123",
    "Legal name of the organization": supplier.organization,
    "Street and number": "12 Lathe Street",
    City: "Toledo",
    "Postal code": "43604",
  });
  await supplier.fill({ "Headquarters country": "United States" });
}

/** From a complete profile to the reference number. */
async function submitRegistration(supplier) {
  await supplier.press("Next", /Administrators|Is your organization registered already/);
  const none = supplier.page.getByLabel("None of the above");
  const alike = (await none.count()) > 0;
  if (alike) {
    await none.check();
    await supplier.press("Next", "Administrators");
  }
  await goBackAndFindEverything(supplier);
  await supplier.press("Next", "Review and submit");
  await picture(supplier, "review");
  await supplier.sees(supplier.organization);
  await supplier.press("Submit", /submitted|received/i);
  return `${await reference(supplier)}${alike ? ", unlike others" : ""}`;
}

/** A colleague who is named is still there after the browser's Back, and can be taken out again. */
async function goBackAndFindEverything(supplier) {
  const colleague = { "First name": "Cy", "Last name": "Marten", "E-mail": "cy@marten.example" };
  const person = () => supplier.page.getByRole("group", { name: "Person 1" });
  for (const [label, value] of Object.entries(colleague)) await person().getByLabel(label).fill(value);
  await person().getByLabel("Application Administrator").check();
  await supplier.press("Next", "Review and submit");
  await supplier.sees("cy@marten.example");
  await supplier.page.goBack();
  await supplier.arrive("Administrators");
  for (const [label, value] of Object.entries(colleague)) {
    const kept = await person().getByLabel(label).inputValue();
    if (kept !== value) throw new Error(`"${label}" is "${kept}" after the browser's Back, not "${value}"`);
    await person().getByLabel(label).fill("");
  }
  await person().getByLabel("Application Administrator").uncheck();
}

async function reference(supplier) {
  return supplier.page.getByText(/^R-/).first().textContent();
}

async function activate(supplier) {
  await step(supplier, "Supplier activates the account", async () => {
    const { link } = await place.mail(supplier.email, "Activate your");
    await supplier.openMailed(link, "Activate your account");
    await supplier.page.reload();
    await supplier.arrive("Activate your account");
    await picture(supplier, "activation");
    await supplier.fill({ Password: PASSWORD, "Password again": PASSWORD });
    for (const number of [1, 2, 3]) {
      await supplier.field(`Question ${number}`).selectOption({ index: number });
      await supplier.field(`Answer ${number}`).fill(ANSWER);
    }
    await supplier.press("Next", DASHBOARD);
  });
}

async function acceptTerms(supplier) {
  await step(supplier, "Supplier accepts the terms", async () => {
    await picture(supplier, "dashboard");
    await supplier.follow("Agree to Terms", /./);
    await supplier.page.getByLabel(/I have read and agree/).check();
    await supplier.press("Next", DASHBOARD);
  });
}

/** From the licence key in the mailbox to a credential that works; returns the authenticator's address. */
async function enrol(supplier) {
  let uri;
  await step(supplier, "Supplier activates the licence", async () => {
    const { text } = await place.mail(supplier.email, "Your licence key");
    const key = text.split(/\s+/).find((word) => word.split("-").length === 5);
    await supplier.open(`${place.service}/dashboard`, DASHBOARD);
    await supplier.follow("Enter it here", "Enter your licence key");
    await supplier.field("Licence key").fill(key);
    await supplier.press("Next", "Accept the Service Agreement");
    await supplier.page.getByLabel(/I have read and accept/).check();
    await supplier.press("Activate", /authenticator/i);
  });
  await step(supplier, "Supplier sets up the authenticator app", async () => {
    await supplier.press("Set up my authenticator app", /authenticator/i);
    const drawn = await supplier.page.getByRole("img", { name: /QR code/ }).boundingBox();
    if (!drawn || drawn.width < 150) throw new Error("the QR code is too small to scan");
    await picture(supplier, "enrolment");
    uri = await supplier.page.getByRole("link", { name: "open your authenticator app" }).getAttribute("href");
    await supplier.field("Code").fill(await code(uri));
    await supplier.press("Verify", DASHBOARD);
  });
  return uri;
}

/** The application knows who came. */
async function arrived(supplier) {
  await supplier.arrive(/./);
  if (supplier.page.url().startsWith(place.service)) throw new Error(`still at ${supplier.page.url()}`);
  for (const text of ["You are signed in.", supplier.name, supplier.organization]) await supplier.sees(text);
  return supplier.page.url();
}

async function leave(supplier) {
  await step(supplier, "Supplier signs out of the application and here", async () => {
    await supplier.press("Sign out", "Sign out");
    await supplier.press("Sign out", /./);
    await supplier.sees("You are not signed in.");
    await supplier.open(`${place.service}/dashboard`, "Sign in");
  });
}

async function signIn(supplier, password) {
  await supplier.field("E-mail or User ID").fill(supplier.email);
  await supplier.field("Password").fill(password);
  await supplier.page.keyboard.press("Enter");
  await supplier.arrive(DASHBOARD);
}

/** Journey A: by invitation, with a webhook of the partner's own webstore. */
async function byInvitation(supplier, operator) {
  await step(supplier, "Partner invites; supplier opens the invitation", async () => {
    await place.invite(supplier);
    const { link } = await place.mail(supplier.email, "You're Invited");
    await supplier.openMailed(link, "Anvil Aerospace invites you");
    await picture(supplier, "invitation");
  });
  await step(supplier, "Supplier registers the organization", async () => {
    await supplier.follow("Get started", PROFILE);
    await fillProfile(supplier);
    await picture(supplier, "profile");
    return submitRegistration(supplier);
  });
  await approve(operator, supplier);
  await activate(supplier);
  await acceptTerms(supplier);
  await step(supplier, "Partner's webstore posts the paid order", () => place.order(supplier, "anvil-mobile-id"));
  const uri = await enrol(supplier);
  await step(supplier, "Supplier launches with a fresh code", async () => {
    await supplier.press("Launch", "Enter a one-time code");
    await supplier.field("Code").fill(await code(uri));
    await supplier.submit("Verify");
    await supplier.arrive(/./);
    if (supplier.page.url().startsWith(place.service)) await supplier.submit("Launch");
    const address = await arrived(supplier);
    await picture(supplier, "application");
    return address;
  });
  await leave(supplier);
  await step(supplier, "Supplier signs in again, with Enter", () => signIn(supplier, PASSWORD));
  await step(supplier, "Supplier comes by the first e-mails again", async () => {
    for (const [subject, heading] of [["You're Invited", "Your registration is approved"], ["Activate your", DASHBOARD]]) {
      const { link } = await place.mail(supplier.email, subject);
      await supplier.openMailed(link, heading);
    }
  });
}

/** Journey B: by the public form, with a promo code in the storefront. */
async function byPublicForm(supplier, operator) {
  await step(supplier, "Supplier opens the public form and presses Enter", async () => {
    await supplier.open(`${place.service}/register?application=business-network`, "Register your organization");
    await supplier.field("E-mail").fill(supplier.email);
    await supplier.page.keyboard.press("Enter");
    if (supplier.scripts) {
      await supplier.arrive(PROFILE, /\/register(\?|$)/);
      return "by the captcha";
    }
    await supplier.arrive("Check your mailbox");
    const { link } = await place.mail(supplier.email, "Confirm your e-mail address");
    await supplier.openMailed(link, PROFILE);
    return "by the mailed link";
  });
  if (supplier.scripts) await wander(supplier);
  await step(supplier, "Supplier registers the organization", async () => {
    await supplier.fill({ "First name": supplier.given, "Last name": supplier.family });
    await fillProfile(supplier);
    return submitRegistration(supplier);
  });
  if (supplier.scripts) await submitAgain(supplier);
  await approve(operator, supplier);
  const promo = await promoCode(operator);
  await activate(supplier);
  await acceptTerms(supplier);
  await shop(supplier, promo);
  await buyOnInvoice(supplier, operator);
  await buyByCard(supplier);
  const uri = await enrol(supplier);
  await step(supplier, "Supplier accepts the access terms and launches", async () => {
    await supplier.press("Launch", /./);
    await supplier.page.getByLabel(/I have read and accept/).check();
    await supplier.submit("Launch");
    return arrived(supplier);
  });
  await leave(supplier);
  if (supplier.scripts) await resetPassword(supplier, uri);
}

/** A refused form, Back, Reload and a second tab do not lose anything. */
async function wander(supplier) {
  await step(supplier, "Supplier leaves out most fields", async () => {
    await supplier.fill({ "First name": supplier.given, City: "Toledo" });
    await supplier.refused(422, () => supplier.press("Next", PROFILE));
    await supplier.sees("There is a problem");
    const kept = await supplier.field("City").inputValue();
    if (kept !== "Toledo") throw new Error(`the refused form forgot the city: ${kept}`);
    const focus = await supplier.page.evaluate(() => document.activeElement?.className);
    if (focus !== "faults") throw new Error(`the focus is at "${focus}" and not at what is wrong`);
  });
  await step(supplier, "Supplier goes on, back, and on again", async () => {
    await supplier.fill({ "First name": supplier.given, "Last name": supplier.family });
    await fillProfile(supplier);
    await supplier.press("Next", "Administrators");
    // The page before is the refused form, which the browser kept.
    await supplier.refused(422, async () => {
      await supplier.page.goBack();
      await supplier.arrive(PROFILE);
    });
    await supplier.page.goForward();
    await supplier.arrive("Administrators");
    await supplier.page.reload();
    await supplier.arrive("Administrators");
  });
  await step(supplier, "Supplier opens the form in a second tab meanwhile", async () => {
    const first = supplier.page;
    supplier.page = await supplier.context.newPage();
    await supplier.open(`${place.service}/register?application=business-network`, "Register your organization");
    await supplier.page.close();
    supplier.page = first;
    await supplier.press("Back", PROFILE);
    const kept = await supplier.field("Legal name of the organization").inputValue();
    if (kept !== supplier.organization) throw new Error(`"Back" forgot the name: ${kept}`);
  });
}

async function submitAgain(supplier) {
  await step(supplier, "Supplier goes back and submits once more", async () => {
    const before = await reference(supplier);
    await supplier.page.goBack();
    await supplier.arrive("Review and submit");
    await supplier.press("Submit", /./);
    const after = await reference(supplier);
    if (after !== before) throw new Error(`registered twice: ${before}, ${after}`);
    return "the same reference";
  });
}

async function promoCode(operator) {
  let promo;
  await step(operator, "Operator makes a promo code", async () => {
    await operator.follow("Promo codes", "Promo codes");
    await operator.field("Partner that pays").selectOption({ label: "Cobalt Federal" });
    await operator.page.getByRole("checkbox", { name: /^Mobile ID MFA for Cobalt/ }).check();
    await operator.fill({ "Name of the campaign": "Autumn", "Number of codes": "1", Discount: "free" });
    const file = await operator.download("Download codes");
    promo = file.trim().split(/\r?\n/).at(-1).replaceAll('"', "");
    return `${file.trim().split(/\r?\n/).length - 1} code`;
  });
  return promo;
}

async function shop(supplier, promo) {
  await step(supplier, "Supplier orders with the promo code", async () => {
    await supplier.open(`${place.service}/webstore-checkout/cobalt`, "Cobalt Federal Webstore");
    await supplier.press(/^Add to Cart.*Mobile ID MFA for Cobalt/, "Your cart");
    await supplier.press("Checkout", "Checkout");
    await supplier.fill({
      "First Name": supplier.given,
      "Last Name": supplier.family,
      "E-mail": supplier.email,
      "Promo code": promo,
    });
    await supplier.press("Apply", "Checkout");
    await supplier.sees("The promo code is applied.");
    await picture(supplier, "checkout");
    await supplier.press("Review Order", "Review your order");
    await supplier.press("Place Order", "Thank you for your order");
  });
}

/** SHP-5: a card that is declined, and another one, on the page of the payment provider's double. */
async function buyByCard(supplier) {
  await step(supplier, "Supplier pays by card", async () => {
    await supplier.open(`${place.service}/webstore-checkout/anvil`, "Anvil Aerospace Webstore");
    await supplier.press(/^Add to Cart.*Mobile ID MFA for Anvil/, "Your cart");
    await supplier.press("Checkout", "Checkout");
    await supplier.page.getByRole("radio", { name: /^Card/ }).check();
    await supplier.press("Review Order", "Review your order");
    await supplier.press("Place Order", "Your order waits for payment");
    await supplier.press(/^Pay .* by card$/, /^Pay /);
    await supplier.press("Cancel and go back", "Your order waits for payment");
    await supplier.sees("You left the payment page without paying.");
    await supplier.press(/^Pay .* by card$/, /^Pay /);
    const card = { "Expiry date": "12/34", "Security code (CVC)": "123" };
    await supplier.fill({ "Card number": "4000 0000 0000 0002", ...card });
    await supplier.refused(402, () => supplier.press("Pay", /^Pay /));
    await supplier.fill({ "Card number": "4242 4242 4242 4242", ...card });
    await supplier.press("Pay", /^(Thank you for your order|Your order waits for payment)$/);
    // The provider tells the service by itself, just before or just after the browser is back.
    for (let tries = 0; (await supplier.page.getByRole("link", { name: "Look again" }).count()) > 0; tries++) {
      if (tries === 20) throw new Error("the payment is not confirmed");
      await supplier.page.waitForTimeout(250);
      await supplier.page.reload();
    }
    await supplier.arrive("Thank you for your order");
  });
}

/** SHP-5: what no code pays for is bought on an invoice, which an operator says is paid. */
async function buyOnInvoice(supplier, operator) {
  await step(supplier, "Supplier orders on an invoice", async () => {
    await supplier.open(`${place.service}/webstore-checkout/anvil`, "Anvil Aerospace Webstore");
    await supplier.press(/^Add to Cart.*Mobile ID MFA for Anvil/, "Your cart");
    await supplier.press("Checkout", "Checkout");
    await supplier.page.getByRole("radio", { name: /^Invoice/ }).check();
    await supplier.fill({
      "Purchase order number": "PO-4711",
      "Street and number": "12 Lathe Street",
      City: "Toledo",
      "State, province or region": "OH",
      "Postal code": "43604",
      Country: "United States",
    });
    await supplier.press("Review Order", "Review your order");
    await supplier.press("Place Order", "Your order waits for payment");
  });
  await step(operator, "Operator says that the invoice is paid", async () => {
    await operator.follow("Orders", "Unpaid invoices");
    await operator.follow(/^O-/, /^Order O-/);
    await operator.press("It is fully paid", /^Order O-/);
    await operator.sees("The order is paid.");
  });
  await step(supplier, "Supplier finds the order among their own", async () => {
    await supplier.open(`${place.service}/dashboard`, DASHBOARD);
    await supplier.follow("Orders", "Your orders");
    if ((await supplier.page.getByText("Complete", { exact: true }).count()) !== 2) throw new Error("two are complete");
    await place.mail(supplier.email, "Your licence key");
  });
}

/** SIG-3: a forgotten password is replaced with link and code. */
async function resetPassword(supplier, uri) {
  await step(supplier, "Supplier replaces a forgotten password", async () => {
    await supplier.open(`${place.service}/sign-in`, "Sign in");
    await supplier.follow("Forgotten your password?", "Forgotten your password?");
    await supplier.field("E-mail or User ID").fill(supplier.email);
    await supplier.press("Send the link", "Look at your e-mail");
    const { link } = await place.mail(supplier.email, "Choose a new password");
    await supplier.openMailed(link, "Choose a new password");
    await supplier.fill({
      "Code": await code(uri),
      "New password": NEW_PASSWORD,
      "New password again": NEW_PASSWORD,
    });
    await supplier.press("Save the password", "Sign in");
    await signIn(supplier, NEW_PASSWORD);
  });
}

const PEOPLE = {
  a: [
    { given: "Ada", family: "Kestrel", mail: "kestrel.example", organization: "Kestrel Machining LLC" },
    { given: "Piet", family: "Plover", mail: "plover.example", organization: "Plover Castings Ltd" },
  ],
  // Colleagues: the second one is asked whether the first one's organization is meant.
  b: [
    { given: "Bea", family: "Heron", mail: "heron.example", organization: "Heron Fasteners Inc" },
    { given: "Ines", family: "Heron", mail: "heron.example", organization: "Heron Gaskets Inc" },
  ],
};

async function main() {
  for (const [number, scripts] of [true, false].entries()) {
    const operator = new Person(browser, { scripts });
    const how = scripts ? "with scripts" : "without scripts";
    console.log(`\n${how[0].toUpperCase()}${how.slice(1)}`);
    await signInOperator(operator);
    for (const [name, walk] of [["a", byInvitation], ["b", byPublicForm]]) {
      console.log(`\nJourney ${name.toUpperCase()}, ${how}`);
      const { mail, ...who } = PEOPLE[name][number];
      const email = `${who.given.toLowerCase()}${run}@${mail}`;
      const supplier = new Person(browser, { scripts, ...who, email });
      await walk(supplier, operator);
      await supplier.close();
    }
    await operator.close();
  }
}

try {
  await main();
  console.log("\nEverybody arrived.");
} catch (error) {
  mkdirSync(FAILURES, { recursive: true });
  const file = join(FAILURES, "fault.png");
  await actor.page?.screenshot({ path: file }).catch(() => {});
  console.log(`\n"${current}" failed at ${actor.page?.url()}: ${error.message.split("\nCall log")[0]}\nWhat was there: ${file}`);
  process.exitCode = 1;
}
await browser.close();
