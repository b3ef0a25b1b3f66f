// Signs a webhook with the library of whoever invented the signature. Standard input: one
// {dialect, secret, id, timestamp, body}, of which Stripe's leaves out the id and Shopify's the time too. Standard output:
// the headers, as one object.

import { text } from "node:stream/consumers";

import "@shopify/shopify-api/adapters/node";
import { createSHA256HMAC } from "@shopify/shopify-api/runtime";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";

const sign = {
  standard: ({ secret, id, timestamp, body }) => ({
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
  }),
  stripe: ({ secret, timestamp, body }) => ({
    "stripe-signature": Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp }),
  }),
  shopify: async ({ secret, body }) => ({ "x-shopify-hmac-sha256": await createSHA256HMAC(secret, body) }),
};

const { dialect, ...webhook } = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await sign[dialect](webhook)));
