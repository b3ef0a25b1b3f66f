// A running service as its partners' systems see it, and its mailbox.

import { createHmac } from "node:crypto";

/** How long a message may take, seconds. */
const PATIENCE = 10;

export class Place {
  #secrets;

  constructor(environment) {
    const known = (name) => {
      if (!environment[name]) throw new Error(`the environment lacks ${name}; browser/journeys.js says what it is`);
      return environment[name];
    };
    this.service = environment.SERVICE ?? "http://127.0.0.1:3000";
    this.mailbox = environment.MAILBOX ?? "http://127.0.0.1:3001";
    this.operatorPassword = known("OPERATOR_PASSWORD");
    this.operatorAuthenticator = known("OPERATOR_AUTHENTICATOR");
    this.#secrets = { key: known("ANVIL_API_KEY"), webhook: known("ANVIL_WEBHOOK_SECRET") };
  }

  /** The newest message to this address whose subject contains the words, with the first link in it. */
  async mail(to, subject) {
    const until = Date.now() + PATIENCE * 1000;
    do {
      const answer = await fetch(`${this.mailbox}/messages?${new URLSearchParams({ to })}`);
      const found = (await answer.json()).findLast((message) => message.subject.includes(subject));
      if (found) return { ...found, link: /https?:\/\/\S+/.exec(found.text)?.[0] };
      await new Promise((resolve) => setTimeout(resolve, 100));
    } while (Date.now() < until);
    throw new Error(`no message "${subject}" to ${to} arrived`);
  }

  /** INV-1: the partner's system invites. */
  async invite({ given, family, email, organization }) {
    const body = { application: "supply-platform", organisation: organization, given_name: given, family_name: family, email };
    await this.#post("/invite", JSON.stringify(body), {
      authorization: `Bearer ${this.#secrets.key}`,
      "idempotency-key": `invite-${email}`,
    });
  }

  /** SHP-7: the partner's own webstore reports a paid order, signed as Standard Webhooks say. */
  async order({ given, family, email }, product) {
    const id = `AN-${email}`;
    // The service's time may be another one than this machine's: the mailbox shows it.
    const { received_at: now } = await this.mail(email, "");
    const seconds = Math.floor(Date.parse(now) / 1000);
    const body = JSON.stringify({
      type: "order.paid",
      timestamp: now,
      data: {
        order_id: id,
        customer: { given_name: given, family_name: family, email },
        lines: [{ product, quantity: 1 }],
        total_minor: 4900,
        currency: "USD",
      },
    });
    const name = `msg_${email.replaceAll(/[@.]/g, "_")}`;
    const key = Buffer.from(this.#secrets.webhook.replace("whsec_", ""), "base64");
    const signature = createHmac("sha256", key).update(`${name}.${seconds}.${body}`).digest("base64");
    await this.#post("/webstore-checkout/webhooks/anvil", body, {
      "webhook-id": name,
      "webhook-timestamp": String(seconds),
      "webhook-signature": `v1,${signature}`,
    });
    return id;
  }

  async #post(path, body, headers) {
    const answer = await fetch(`${this.service}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`);
  }
}
