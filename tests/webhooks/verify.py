"""Verifies webhooks with the reference library for Python. Standard input: a list of objects with secret, headers, body,
genuine and about. Exits with 1 at the first on which library and list differ."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for case in json.load(sys.stdin):
    try:
        Webhook(case["secret"]).verify(case["body"], case["headers"])
        verified = True
    except WebhookVerificationError:
        verified = False
    if verified != case["genuine"]:
        sys.exit(f"{case['about']}: {'taken' if verified else 'refused'}")
