#!/usr/bin/env python3
"""Binds a number through dyplsq, waits for the outcome, and receives callbacks. Python 3.9 or later; no packages.

    export DYPLSQ_URL=http://127.0.0.1:8070 DYPLSQ_TOKEN=...        # of dyplsq serve, and dyplsq token new
    python3 client.py bind order-1 FC100000000001 13900000001 '2099-01-31 23:59:59'

    export WEBHOOK_SECRET=whsec_... PORT=8090                       # the secret of the endpoint
    python3 client.py receive
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

URL = os.environ.get("DYPLSQ_URL", "http://127.0.0.1:8070")
TOKEN = os.environ.get("DYPLSQ_TOKEN", "")
SECRET = os.environ.get("WEBHOOK_SECRET", "")
PORT = int(os.environ.get("PORT", "8090"))

WAIT = "30s"
TIMEOUT = 45  # seconds, longer than WAIT
GIVE_UP = 120  # seconds: a request is repeated for so long
TOLERANCE = 300  # seconds, of a callback's timestamp
MAX_BODY = 1 << 20


class Problem(Exception):
    """An RFC 9457 problem that no repetition mends."""

    def __init__(self, status, problem):
        errors = [f"  {e['field']}: {e['rule']}; {e['remedy']}" for e in problem.get("errors", [])]
        title = problem.get("title", "not a problem of dyplsq")
        super().__init__("\n".join([f"{status} {title}. {problem.get('detail', '')}", *errors]))


def call(method, path, headers=None, body=None):
    """Sends a request, again and again while the server is out of reach, overloaded or without Redis."""
    headers = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
    request = urllib.request.Request(URL + path, body, headers, method=method)
    deadline, pause = time.monotonic() + GIVE_UP, 0.5
    while True:
        delay = pause * random.uniform(0.5, 1)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            problem = problem_of(error)
            if error.code < 500 and error.code != 429:
                raise Problem(error.code, problem) from None
            why = f"{error.code} {problem.get('title', '')}"
            after = error.headers.get("Retry-After", "")
            delay = max(delay, int(after) if after.isdecimal() else 0)
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            why = str(error)  # refused, reset, timed out or cut off
        if time.monotonic() + delay > deadline:
            raise TimeoutError(f"gave up: {why}; run it again with the same key")
        print(f"{why}; repeating in {delay:.1f} s", file=sys.stderr)
        time.sleep(delay)
        pause = min(2 * pause, 10)


def problem_of(error):
    try:
        return json.load(error)
    except (OSError, http.client.HTTPException, json.JSONDecodeError):  # of a proxy
        return {}


def bind(key, pool_key, phone, expiration):
    """Binds under a key. Whoever repeats it with the same key and request gets the same task, and one binding."""
    request = {"PoolKey": pool_key, "PhoneNoA": phone, "Expiration": expiration}
    body = json.dumps({"action": "BindAxn", "request": request}).encode()
    call("POST", "/v1/tasks", {"Content-Type": "application/json", "Idempotency-Key": key}, body)
    while True:
        outcome = call("GET", f"/v1/tasks/{urllib.parse.quote(key, safe='')}?wait={WAIT}")
        if outcome["state"] != "pending":
            return outcome  # succeeded, failed or uncertain


def verify(headers, body):
    """Tells whether a callback is dyplsq's, by Standard Webhooks. The body must be as it came."""
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mac = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(mac)
    return any(hmac.compare_digest(expected, s.encode()) for s in headers.get("webhook-signature", "").split())


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not verify(self.headers, body):
            return self.answer(401)
        event = json.loads(body)
        # An event may come more than once: record its webhook-id, which is unique,
        # in the transaction that acts on it.
        data = event["data"]
        about = data.get("id") or data.get("call_id") or data.get("endpoint")
        print(self.headers["webhook-id"], event["type"], about, data.get("state", ""), flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()


def main(args):
    if len(args) == 5 and args[0] == "bind" and TOKEN:
        try:
            outcome = bind(*args[1:])
        except (Problem, TimeoutError) as error:
            sys.exit(str(error))
        print(json.dumps(outcome, ensure_ascii=False))
        sys.exit(outcome["state"] != "succeeded")
    if args == ["receive"] and SECRET:
        print(f"receiving callbacks on 127.0.0.1:{PORT}", flush=True)
        ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
    print("usage: bind KEY POOL_KEY PHONE EXPIRATION (DYPLSQ_TOKEN) | receive (WEBHOOK_SECRET)", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
