"""Programs that talk over the network, with their own words and exit codes: curl, wget, nc, nslookup, psql, others."""

from __future__ import annotations

import http
from collections.abc import Callable

from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.network import NO_SUCH_HOST, REFUSED, RESOLVER, NetError
from mcp_tools.targets.sandbox.node.process import Say, Sleep, Steps

Program = Callable[[Box, list[str], str], Steps]
SERVER_TIMEOUT = 130.0


def options(
    argv: list[str], with_value: str, long_with_value: tuple[str, ...] = ()
) -> tuple[dict[str, str], list[str]]:
    """Options and the other words. ``with_value`` has the letters of those that take a value."""
    found: dict[str, str] = {}
    rest: list[str] = []
    words = iter(argv[1:])
    for word in words:
        if word.startswith("--"):
            name, equal, value = word[2:].partition("=")
            found[name] = value if equal else (next(words, "") if name in long_with_value else "")
        elif word.startswith("-") and len(word) > 1:
            for number, letter in enumerate(word[1:], start=1):
                if letter in with_value:
                    found[letter] = word[number + 1 :] or next(words, "")
                    break
                found[letter] = ""
        else:
            rest.append(word)
    return found, rest


def number(text: str, otherwise: float) -> float:
    """A number that was written; ``otherwise`` when it is none."""
    try:
        return float(text)
    except ValueError:
        return otherwise


_CURL_LONG = (
    *("max-time", "connect-timeout", "output", "write-out", "header", "data", "request", "retry", "retry-delay"),
    *("user", "user-agent", "cacert", "resolve", "data-raw", "retry-max-time", "interface", "proxy"),
)


def curl(box: Box, argv: list[str], stdin: str) -> Steps:
    """curl."""
    found, rest = options(argv, "moHdXwuATebcCEFKrtUxY", _CURL_LONG)
    url = next((word for word in rest if not word.startswith("@")), found.get("url", ""))
    if not url:
        yield Say("curl: (2) no URL specified")
        return 2
    tries = int(number(found.get("retry", "0"), 0)) + 1
    code = 1
    for left in reversed(range(tries)):
        code, retry = yield from _curl_once(box, found, url)
        if not left or not retry:
            break
        yield Sleep(number(found.get("retry-delay", "1"), 1.0), "time")
    return code


def _curl_once(box: Box, found: dict[str, str], url: str):  # type: ignore[no-untyped-def]
    limit = number(found.get("m") or found.get("max-time") or found.get("connect-timeout") or "", 0.0)
    loud = ("s" not in found and "silent" not in found) or "S" in found or "show-error" in found
    try:
        answer = box.network.get(url, box.namespace, box.ip, timeout=limit or 1e9, cluster_dns=box.cluster_dns)
    except NetError as error:
        code, text, wait = _curl_words(error, limit)
        yield Sleep(wait)
        if loud:
            yield Say(f"curl: ({code}) {text}")
        return code, code == 28 or "retry-connrefused" in found or "retry-all-errors" in found
    if answer.seconds:
        yield Sleep(answer.seconds)
    fails = ("f" in found or "fail" in found) and answer.status >= 400
    if not fails and "o" not in found and "output" not in found and answer.body:
        yield Say(answer.body)
    pattern = found.get("w") or found.get("write-out") or ""
    if pattern:
        text = pattern.replace("%{http_code}", str(answer.status)).replace("%{response_code}", str(answer.status))
        yield Say(text.replace("\\n", "").strip("\n"))
    if fails:
        if loud:
            yield Say(f"curl: (22) The requested URL returned error: {answer.status}")
        return 22, answer.status in (408, 429, 500, 502, 503, 504)
    return 0, False


def _curl_words(error: NetError, limit: float) -> tuple[int, str, float]:
    if error.why == NO_SUCH_HOST:
        return 6, f"Could not resolve host: {error.host}", 0.0
    if error.why == REFUSED:
        return 7, f"Failed to connect to {error.host} port {error.port} after 1 ms: Couldn't connect to server", 0.0
    if error.port == 0:
        return 28, f"Resolving timed out after {int((limit or 10) * 1000)} milliseconds", limit or 10.0
    if error.why != "i/o timeout":
        return 1, "Received HTTP/0.9 when not allowed", 0.0
    wait = limit or SERVER_TIMEOUT
    return 28, f"Connection timed out after {int(wait * 1000) + 1} milliseconds", wait


def wget(box: Box, argv: list[str], stdin: str) -> Steps:
    """wget, as busybox has it."""
    found, rest = options(argv, "OTtUP", ("timeout", "tries", "output-document", "header", "post-data", "user-agent"))
    if not rest:
        yield Say("wget: missing URL")
        return 1
    url = rest[0]
    limit = number(found.get("T") or found.get("timeout") or "", 900.0)
    where = url.split("//")[-1].partition("/")[0]
    place = where if ":" in where else f"{where}:80"
    try:
        answer = box.network.get(url, box.namespace, box.ip, timeout=limit, cluster_dns=box.cluster_dns)
    except NetError as error:
        if error.why == NO_SUCH_HOST or not error.port:
            yield Say(f"wget: bad address '{where}'")
        elif error.why == REFUSED:
            yield Say(f"wget: can't connect to remote host ({error.ip}): Connection refused")
        else:
            yield Sleep(limit if error.why == "i/o timeout" else 0.0)
            yield Say("wget: download timed out" if error.why == "i/o timeout" else "wget: error getting response")
        return 1
    quiet = "q" in found or "quiet" in found
    if not quiet:
        yield Say(f"Connecting to {place}")
    if answer.seconds:
        yield Sleep(answer.seconds)
    if answer.status >= 400:
        phrase = http.HTTPStatus(answer.status).phrase if answer.status in list(http.HTTPStatus) else ""
        yield Say(f"wget: server returned error: HTTP/1.1 {answer.status} {phrase}")
        return 1
    target = found.get("O") or found.get("output-document") or ""
    if target in ("-", "/dev/stdout") and answer.body:
        yield Say(answer.body)
    elif target not in ("", "-", "/dev/null", "/dev/stdout"):
        why = box.write(target, len(answer.body))
        if why:
            yield Say(f"wget: can't open '{target}': {why}")
            return 1
    return 0


def nc(box: Box, argv: list[str], stdin: str) -> Steps:
    """nc: whether a port is open; with -l it listens, which is not simulated and ends at once."""
    found, rest = options(argv, "wipsq")
    host, port = (rest[0], int(number(rest[1], 0))) if len(rest) > 1 else ("", 0)
    try:
        box.connect(host, port)
    except NetError as error:
        if error.why == NO_SUCH_HOST:
            yield Say(f"nc: bad address '{host}'")
        elif error.why == REFUSED:
            if "v" in found:
                yield Say(f"nc: {host} ({error.ip}:{port}): Connection refused")
        else:
            yield Sleep(number(found.get("w", ""), SERVER_TIMEOUT))
            if "v" in found:
                yield Say(f"nc: {host} ({error.ip}:{port}): Operation timed out")
        return 1
    if "v" in found:
        yield Say(f"{host} ({box.resolve(host)[0]}:{port}) open")
    return 0


def nslookup(box: Box, argv: list[str], stdin: str) -> Steps:
    """nslookup."""
    _, rest = options(argv, "")
    host = rest[0] if rest else ""
    yield Say(f"Server:\t\t{RESOLVER}\nAddress:\t{RESOLVER}:53\n")
    try:
        for address in box.resolve(host):
            yield Say(f"Name:\t{host}\nAddress: {address}\n")
    except NetError as error:
        if error.why == NO_SUCH_HOST:
            yield Say(f"** server can't find {host}: NXDOMAIN\n")
        else:
            yield Sleep(5.0)
            yield Say(";; connection timed out; no servers could be reached\n")
        return 1
    return 0


def getent(box: Box, argv: list[str], stdin: str) -> Steps:
    """getent hosts."""
    if len(argv) < 3:
        return 0
    try:
        yield Say(f"{box.resolve(argv[2])[0]}     {argv[2]}")
    except NetError:
        return 2
    return 0


def ping(box: Box, argv: list[str], stdin: str) -> Steps:
    """ping: names only; every address of the cluster answers."""
    found, rest = options(argv, "cWwi")
    host = rest[0] if rest else ""
    try:
        address = box.resolve(host)[0]
    except NetError:
        yield Say(f"ping: bad address '{host}'")
        return 1
    yield Say(f"PING {host} ({address}): 56 data bytes")
    count = int(number(found.get("c", ""), 0))
    if not count:
        yield Sleep(float("inf"))
    for turn in range(count):
        yield Say(f"64 bytes from {address}: seq={turn} ttl=64 time=0.060 ms")
        if turn < count - 1:
            yield Sleep(1.0)
    return 0


def pg_isready(box: Box, argv: list[str], stdin: str) -> Steps:
    """pg_isready."""
    found, _ = options(argv, "hpUdt", ("host", "port", "username", "dbname", "timeout"))
    host = found.get("h") or found.get("host") or box.env.get("PGHOST", "")
    port = int(number(found.get("p") or found.get("port") or box.env.get("PGPORT", ""), 5432))
    shown = f"{host or '/var/run/postgresql'}:{port}"
    quiet = "q" in found or "quiet" in found
    try:
        box.connect(host or "localhost", port)
    except NetError as error:
        if error.why == "i/o timeout":
            yield Sleep(number(found.get("t") or found.get("timeout") or "", 3.0))
        if not quiet:
            yield Say(f"{shown} - no response")
        return 2
    if not quiet:
        yield Say(f"{shown} - accepting connections")
    return 0


def database(port: int, name: str) -> Program:
    """A client of a database: connects, and then says nothing, or says in its words why not."""

    def run(box: Box, argv: list[str], stdin: str) -> Steps:
        found, rest = options(argv, "hpPuUdcfa", ("host", "port", "username", "dbname", "command", "user", "file"))
        url = next((word for word in rest if "://" in word), "")
        host, where = found.get("h") or found.get("host") or box.env.get("PGHOST", ""), port
        if url:
            place = url.split("://", 1)[1].rpartition("@")[2].partition("/")[0]
            host, _, text = place.partition(":")
            where = int(number(text, port))
        letter = "P" if name == "mysql" else "p"
        where = int(number(found.get("port") or found.get(letter, ""), where))
        try:
            box.connect(host or "localhost", where)
        except NetError as error:
            yield Sleep(SERVER_TIMEOUT if error.why == "i/o timeout" and error.port else 0.0)
            yield Say(_database_words(name, error, host, where))
            return 2 if name == "psql" else 1
        if name == "redis-cli":
            yield Say("PONG" if "ping" in [word.lower() for word in rest] else "OK")
        elif name == "psql" and "select 1" in (found.get("c") or found.get("command") or "").lower():
            yield Say(" ?column? \n----------\n        1\n(1 row)\n")
        return 0

    return run


def _database_words(name: str, error: NetError, host: str, port: int) -> str:
    unknown = error.why == NO_SUCH_HOST or not error.port
    reason = "Connection refused" if error.why == REFUSED else "Connection timed out"
    if name == "psql":
        if unknown:
            return f'psql: error: could not translate host name "{host}" to address: Name or service not known'
        return (
            f'psql: error: connection to server at "{host}" ({error.ip}), port {port} failed: {reason}\n'
            "\tIs the server running on that host and accepting TCP/IP connections?"
        )
    if name == "redis-cli":
        return f"Could not connect to Redis at {host}:{port}: {'Name does not resolve' if unknown else reason}"
    if name == "mysql":
        code, what = (
            ("2005", f"Unknown MySQL server host '{host}' (-2)")
            if unknown
            else (
                "2003",
                f"Can't connect to MySQL server on '{host}:{port}' ({'111' if error.why == REFUSED else '110'})",
            )
        )
        return f"ERROR {code} (HY000): {what}"
    what = f"getaddrinfo ENOTFOUND {host}" if unknown else f"connect ECONNREFUSED {error.ip}:{port}"
    return f"MongoNetworkError: {what}"


PROGRAMS: dict[str, Program] = {
    "curl": curl,
    "wget": wget,
    "nc": nc,
    "ncat": nc,
    "nslookup": nslookup,
    "host": nslookup,
    "dig": nslookup,
    "getent": getent,
    "ping": ping,
    "pg_isready": pg_isready,
    "psql": database(5432, "psql"),
    "redis-cli": database(6379, "redis-cli"),
    "mysql": database(3306, "mysql"),
    "mysqladmin": database(3306, "mysql"),
    "mongosh": database(27017, "mongosh"),
}
