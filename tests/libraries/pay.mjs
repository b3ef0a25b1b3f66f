// Does with a card payment provider what a shop does, with the libraries that shops use. Standard input: one wish. Standard
// output: what came of it, as one object.
//
// {wish: "sessions", port, secret, key, parameters, others} makes a session twice with one idempotency key, then retrieves
// it, and tries what has to be refused: `others` with the same key, a parameter that nobody knows, another secret.
// {wish: "verify", dialect, secret, headers, body} verifies a webhook and reads it.

import { text } from "node:stream/consumers";

import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

function client({ port, secret }) {
  return new Stripe(secret, { host: "127.0.0.1", port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
}

/** The error of a call that has to fail. */
async function refusal(call) {
  try {
    await call;
  } catch (error) {
    const { type, code, param, statusCode, message } = error;
    return { type, code, param, status: statusCode, message };
  }
  throw new Error("it was not refused");
}

async function sessions({ key, parameters, others, ...access }) {
  const { checkout } = client(access);
  const once = { idempotencyKey: key };
  const first = await checkout.sessions.create(parameters, once);
  const second = await checkout.sessions.create(parameters, once);
  const stranger = client({ ...access, secret: "sk_test_somebody_else" });
  return {
    first,
    second,
    replayed: second.lastResponse.headers["idempotent-replayed"] ?? null,
    retrieved: await checkout.sessions.retrieve(first.id),
    refused: {
      others: await refusal(checkout.sessions.create(others, once)),
      unknown: await refusal(checkout.sessions.create({ ...parameters, colour: "red" })),
      stranger: await refusal(stranger.checkout.sessions.create(parameters)),
      nowhere: await refusal(checkout.sessions.retrieve("cs_test_nowhere")),
    },
  };
}

const verifiers = {
  stripe: ({ secret, headers, body }) => Stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret),
  standard: ({ secret, headers, body }) => new Webhook(secret).verify(body, headers),
};

const works = { sessions, verify: ({ dialect, ...webhook }) => verifiers[dialect](webhook) };

const { wish, ...rest } = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await works[wish](rest)));
