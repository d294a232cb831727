"""The scripts that probes run inside containers, as they are passed: one argv element each.

Each takes one JSON argument and prints one line, ``LONGSHORE-PROBE`` and JSON. Standard library only.
"""

from __future__ import annotations

HTTP_PYTHON = """
import http.client, json, ssl, sys, time, urllib.parse
a = json.loads(sys.argv[1])
u = urllib.parse.urlsplit(a["url"])
o = {"status": None, "body": "", "headers": {}, "error": ""}
t = time.monotonic()
try:
    if u.scheme == "https":
        c = http.client.HTTPSConnection(u.hostname, u.port, timeout=a["timeout"],
                                        context=ssl._create_unverified_context())
    else:
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=a["timeout"])
    h = dict(a["headers"])
    b = None if a["body"] is None else a["body"].encode()
    if b is not None:
        h.setdefault("Content-Type", "application/json")
    c.request(a["method"], (u.path or "/") + ("?" + u.query if u.query else ""), body=b, headers=h)
    r = c.getresponse()
    for k, v in r.getheaders():
        k = k.lower()
        o["headers"][k] = o["headers"][k] + "\\n" + v if k in o["headers"] else v
    o["status"] = r.status
    o["body"] = r.read(a["max"]).decode("utf-8", "replace")
except Exception as e:
    o["error"] = type(e).__name__ + ": " + str(e)
o["seconds"] = time.monotonic() - t
print("LONGSHORE-PROBE " + json.dumps(o))
""".strip()

TCP_PYTHON = """
import json, socket, sys, time
a = json.loads(sys.argv[1])
o = {"ok": False, "addresses": [], "error": ""}
t = time.monotonic()
try:
    found = socket.getaddrinfo(a["host"], a["port"], type=socket.SOCK_STREAM)
    o["addresses"] = sorted({i[4][0] for i in found})
    socket.create_connection((a["host"], a["port"]), a["timeout"]).close()
    o["ok"] = True
except socket.gaierror as e:
    o["error"] = "dns: " + str(e)
except Exception as e:
    o["error"] = type(e).__name__ + ": " + str(e)
o["seconds"] = time.monotonic() - t
print("LONGSHORE-PROBE " + json.dumps(o))
""".strip()

_NODE_HEAD = """
const a = JSON.parse(process.argv[1]);
const t = process.hrtime.bigint();
let done = false;
const end = () => {
  if (done) return;
  done = true;
  o.seconds = Number(process.hrtime.bigint() - t) / 1e9;
  process.stdout.write("LONGSHORE-PROBE " + JSON.stringify(o) + "\\n", () => process.exit(0));
};
setTimeout(() => { o.error = o.error || "timed out"; end(); }, a.timeout * 1000);
""".strip()

HTTP_NODE = (
    _NODE_HEAD
    + """
const o = {status: null, body: "", headers: {}, error: ""};
const u = new URL(a.url);
const m = require(u.protocol === "https:" ? "https" : "http");
const h = Object.assign({}, a.headers);
if (a.body !== null) {
  if (!Object.keys(h).some(k => k.toLowerCase() === "content-type")) h["Content-Type"] = "application/json";
  h["Content-Length"] = Buffer.byteLength(a.body);
}
const r = m.request(u, {method: a.method, headers: h, rejectUnauthorized: false}, (s) => {
  o.status = s.statusCode;
  for (const [k, v] of Object.entries(s.headers)) o.headers[k] = Array.isArray(v) ? v.join("\\n") : String(v);
  const parts = [];
  let size = 0;
  s.on("data", c => { size += c.length; if (size <= a.max) parts.push(c); });
  s.on("end", () => { o.body = Buffer.concat(parts).toString("utf8"); end(); });
});
r.on("error", e => { o.error = (e.code || e.name) + ": " + e.message; end(); });
if (a.body !== null) r.write(a.body);
r.end();
"""
).strip()

TCP_NODE = (
    _NODE_HEAD
    + """
const o = {ok: false, addresses: [], error: ""};
require("dns").lookup(a.host, {all: true}, (e, found) => {
  if (e) { o.error = "dns: " + e.code; return end(); }
  o.addresses = found.map(x => x.address);
  const s = require("net").connect({host: a.host, port: a.port});
  s.on("connect", () => { o.ok = true; s.destroy(); end(); });
  s.on("error", e => { o.error = (e.code || e.name) + ": " + e.message; end(); });
});
"""
).strip()
