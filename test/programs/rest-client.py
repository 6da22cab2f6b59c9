"""A program that is no Node and no MCP client: everything that it can do over the documented routes, with the standard
library alone. Given the data directory, it prints one JSON document of what it saw."""

import json
import os
import sys
import urllib.error
import urllib.request

DATA_DIR = sys.argv[1]


def read(name):
    with open(os.path.join(DATA_DIR, name), encoding="utf-8") as file:
        return file.read().strip()


BASE = "http://127.0.0.1:" + read("port")


def ask(path, body=None):
    """The answer of a route, with its status."""
    request = urllib.request.Request(BASE + path, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", "Bearer " + read("leader.token"))
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return {"status": response.status, **json.load(response)}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "retryAfter": error.headers.get("Retry-After"), **json.load(error)}


def first_event(path):
    """The first event of the stream, and its id."""
    request = urllib.request.Request(BASE + path, headers={"Authorization": "Bearer " + read("leader.token")})
    with urllib.request.urlopen(request, timeout=10) as response:
        number = None
        for line in response:
            text = line.decode().rstrip("\n")
            if text.startswith("id: "):
                number = int(text[4:])
            if text.startswith("data: ") and number is not None:
                return {"number": number, **json.loads(text[6:])}


seen = {"health": ask("/health"), "status": ask("/status")}
me = ask("/register", {"pid": os.getpid(), "projectPath": "/tmp", "agentType": "aider", "name": "pythonic"})
other = ask("/register", {"pid": os.getpid(), "projectPath": "/tmp"})
seen["registered"] = me
seen["heartbeat"] = ask("/heartbeat", {"peerId": me["peerId"]})
seen["summary"] = ask("/summary", {"peerId": me["peerId"], "summary": "counting"})
seen["peers"] = ask("/peers", {"scope": "machine", "excludeId": me["peerId"]})
session = next(peer for peer in seen["peers"]["peers"] if peer["agentType"] == "test-agent")
seen["sent"] = ask("/send", {"fromPeer": me["peerId"], "toPeer": session["id"], "payload": "Grüße", "type": "text"})
seen["broadcast"] = ask("/send", {"fromPeer": me["peerId"], "toPeer": "all", "payload": "to all", "type": "alert"})
seen["unknown"] = ask("/send", {"fromPeer": me["peerId"], "toPeer": "nobody-at-all", "payload": "x", "type": "text"})
seen["inbox"] = ask("/messages", {"peerId": other["peerId"], "filter": "unread", "limit": 20})
seen["inboxAgain"] = ask("/messages", {"peerId": other["peerId"], "filter": "unread", "limit": 20})
seen["set"] = ask("/state", {"action": "set", "key": "k", "value": "v", "namespace": "py", "peerId": me["peerId"]})
seen["get"] = ask("/state", {"action": "get", "key": "k", "namespace": "py"})
seen["list"] = ask("/state", {"action": "list", "namespace": "py"})
seen["deleted"] = ask("/state", {"action": "delete", "key": "k", "namespace": "py"})
seen["gone"] = ask("/state", {"action": "get", "key": "k", "namespace": "py"})
claim = {"action": "lock", "filePath": "/tmp/of-python", "peerId": me["peerId"], "reason": "writing", "ttlMinutes": 5}
seen["locked"] = ask("/lock", claim)
seen["refused"] = ask("/lock", {**claim, "peerId": other["peerId"]})
seen["locks"] = ask("/lock", {"action": "query", "filePath": "/tmp/of-python"})
seen["unlocked"] = ask("/lock", {"action": "unlock", "filePath": "/tmp/of-python", "peerId": me["peerId"]})
seen["subscribed"] = ask("/events", {"action": "subscribe", "types": ["file_locked"], "peerId": me["peerId"]})
seen["unsubscribed"] = ask("/events", {"action": "unsubscribe", "peerId": me["peerId"]})
seen["events"] = ask("/events", {"action": "read", "types": ["file_locked", "file_unlocked"], "limit": 50})
seen["streamed"] = first_event("/events/stream?types=file_locked&since=0")
seen["left"] = [ask("/unregister", {"peerId": peer["peerId"]}) for peer in (me, other)]
print(json.dumps(seen))
