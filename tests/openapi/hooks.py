"""What schemathesis does not know by itself: newline-delimited JSON, and how it is answered."""

import itertools
import json
import re

import schemathesis

NDJSON = "application/x-ndjson"
KEY = "Idempotency-Key"
numbers = itertools.count()


@schemathesis.hook
def map_headers(ctx, headers):
    """Makes most keys new ones: simple keys come often, and with another body a known one is refused before anything else."""
    key = (headers or {}).get(KEY)
    if isinstance(key, str) and re.fullmatch("[!-~]{1,100}", key) and next(numbers) % 8:
        headers[KEY] = f"{key}.{next(numbers)}"
    return headers


@schemathesis.serializer(NDJSON)
def lines(ctx, value):
    """A document a line. The test describes the body as the list of its lines."""
    documents = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(document) for document in documents).encode()


@schemathesis.check
def every_line_is_answered(ctx, response, case):
    """One answer a line, in the order of the request, each with a status of its own."""
    if response.headers.get("content-type", [""])[0] != NDJSON:
        return
    sent = [line for line in (response.request.body or b"").split(b"\n") if line.strip()]
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(sent) + 1)), "lines without an answer of their own"
    assert all(answer["status"] in (201, 400, 409, 413, 422, 503) for answer in answers), "a status that lines do not have"
