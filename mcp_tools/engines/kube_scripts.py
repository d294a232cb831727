"""The scripts that probes run inside containers, as they are passed: one argv element each.

Each reads one line of JSON from its standard input and prints one line, ``LONGSHORE-PROBE`` and JSON. Standard library
only. Tokens and passwords go through standard input, because the argv of an exec stands in the API server's audit log.
"""

from __future__ import annotations

HTTP_PYTHON = """
import http.client, json, ssl, sys, time, urllib.parse
a = json.loads(sys.stdin.readline())
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
a = json.loads(sys.stdin.readline())
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
let given = "", o = {}, t = 0n, done = false, started = false;
const end = () => {
  if (done) return;
  done = true;
  o.seconds = Number(process.hrtime.bigint() - t) / 1e9;
  process.stdout.write("LONGSHORE-PROBE " + JSON.stringify(o) + "\\n", () => process.exit(0));
};
process.stdin.on("data", (c) => {
  given += c;
  if (started || !given.includes("\\n")) return;
  started = true;
  const a = JSON.parse(given.slice(0, given.indexOf("\\n")));
  t = process.hrtime.bigint();
  setTimeout(() => { o.error = o.error || "timed out"; end(); }, (a.timeout || 10) * 1000);
  run(a);
});
""".strip()

HTTP_NODE = (
    _NODE_HEAD
    + """
function run(a) {
  o = {status: null, body: "", headers: {}, error: ""};
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
}
"""
).strip()

TCP_NODE = (
    _NODE_HEAD
    + """
function run(a) {
  o = {ok: false, addresses: [], error: ""};
  require("dns").lookup(a.host, {all: true}, (e, found) => {
    if (e) { o.error = "dns: " + e.code; return end(); }
    o.addresses = found.map(x => x.address);
    const s = require("net").connect({host: a.host, port: a.port});
    s.on("connect", () => { o.ok = true; s.destroy(); end(); });
    s.on("error", e => { o.error = (e.code || e.name) + ": " + e.message; end(); });
  });
}
"""
).strip()

ENV_PYTHON = """
import hashlib, json, os, sys
a = json.loads(sys.stdin.readline())
names = sorted(os.environ) if a["names"] is None else a["names"]
v = {n: os.environb.get(n.encode()) for n in names}
o = {"digests": {n: None if x is None else hashlib.sha256(x).hexdigest() for n, x in v.items()}}
print("LONGSHORE-PROBE " + json.dumps(o))
""".strip()

ENV_NODE = (
    _NODE_HEAD
    + """
function run(a) {
  const d = (v) => v === undefined ? null : require("crypto").createHash("sha256").update(v).digest("hex");
  o = {digests: Object.fromEntries((a.names || Object.keys(process.env)).map(n => [n, d(process.env[n])]))};
  end();
}
"""
).strip()

USAGE_PYTHON = """
import json, pathlib, sys
sys.stdin.readline()
def first(*paths):
    for p in paths:
        try:
            return pathlib.Path(p).read_text().split()
        except OSError:
            pass
    return []
def number(words):
    return int(words[0]) if words and words[0].isdigit() else None
g = "/sys/fs/cgroup/"
memory = number(first(g + "memory.current", g + "memory/memory.usage_in_bytes"))
stat = first(g + "memory.stat", g + "memory/memory.stat")
inactive = dict(zip(stat[::2], stat[1::2])).get("inactive_file", "0")
limit = number(first(g + "memory.max", g + "memory/memory.limit_in_bytes"))
o = {"memory": None if memory is None else max(0, memory - int(inactive)), "limit": limit}
print("LONGSHORE-PROBE " + json.dumps(o))
""".strip()

USAGE_NODE = (
    _NODE_HEAD
    + """
function run(a) {
  const fs = require("fs"), g = "/sys/fs/cgroup/";
  const first = (...paths) => {
    for (const p of paths) try { return fs.readFileSync(p, "utf8").trim(); } catch (e) { }
    return "";
  };
  const number = (x) => /^[0-9]+$/.test(x) ? Number(x) : null;
  const memory = number(first(g + "memory.current", g + "memory/memory.usage_in_bytes"));
  const inactive = /^inactive_file ([0-9]+)$/m.exec(first(g + "memory.stat", g + "memory/memory.stat"));
  o = {memory: memory === null ? null : Math.max(0, memory - Number(inactive ? inactive[1] : 0)),
       limit: number(first(g + "memory.max", g + "memory/memory.limit_in_bytes"))};
  end();
}
"""
).strip()
