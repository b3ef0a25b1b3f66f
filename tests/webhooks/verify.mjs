// Verifies webhooks with the reference library for JavaScript. Standard input: a list of
// {secret, headers, body, genuine}. Exits with 1 at the first on which library and list differ.

import { Webhook } from "standardwebhooks";

let input = "";
for await (const part of process.stdin) input += part;

for (const { secret, headers, body, genuine, about } of JSON.parse(input)) {
  let verified = true;
  try {
    new Webhook(secret).verify(body, headers);
  } catch {
    verified = false;
  }
  if (verified !== genuine) {
    console.error(`${about}: ${verified ? "taken" : "refused"}`);
    process.exit(1);
  }
}
