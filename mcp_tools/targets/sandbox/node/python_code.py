"""``python -c`` in simulated time: what a short program prints, asks, serves and how it ends.

Its tree is walked, and only what shows outside is done: print, sleep, exit, requests, servers, variables that are
missing, memory taken without end. Everything else is passed over.
"""

from __future__ import annotations

import ast
import itertools
import re
from typing import Any

from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.commands import allocate, hog
from mcp_tools.targets.sandbox.node.network import NO_SUCH_HOST, REFUSED, NetError
from mcp_tools.targets.sandbox.node.process import FOREVER, Answers, Listen, Say, Sleep, Steps, Use
from mcp_tools.targets.sandbox.node.python_values import Values, dotted

BIG = 1 << 20
ROUNDS = 10_000


class _End(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Raised(Exception):
    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name, self.text = name, text


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


def run(box: Box, code: str) -> Steps:
    """Run a program."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield Say(f'  File "<string>", line {error.lineno}\nSyntaxError: {error.msg}')
        return 1
    walker = _Walker(box)
    try:
        yield from walker.body(tree.body)
    except _End as end:
        return end.code
    except _Raised as error:
        yield Say("Traceback (most recent call last):")
        yield Say(f"{error.name}: {error.text}" if error.text else error.name)
        return 1
    except (_Break, _Continue):
        return 0
    return 0


class _Walker(Values):
    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.paths: dict[str, int] = {}
        self.other = 200
        self.functions: dict[str, ast.FunctionDef] = {}

    # -- statements ------------------------------------------------------------------------------------------------

    def body(self, nodes: list[ast.stmt]) -> Steps:
        """Statements one after the other."""
        for node in nodes:
            yield from self.statement(node)
        return 0

    def statement(self, node: ast.stmt) -> Steps:
        """One statement."""
        match node:
            case ast.Expr():
                yield from self.calls(node.value)
            case ast.Assign():
                yield from self.calls(node.value)
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.values[target.id] = self.value(node.value)
            case ast.ClassDef():
                self._handler(node)
            case ast.FunctionDef():
                self.functions[node.name] = node
            case ast.Raise():
                name = dotted(node.exc) if node.exc is not None else "RuntimeError"
                argument = self.first(node.exc)
                if name in ("SystemExit", "KeyboardInterrupt"):
                    yield from self._exit(argument)
                raise _Raised(name, str(argument or ""))
            case ast.If():
                yield from self.calls(node.test)
                wanted = self.value(node.test)
                yield from self.body(node.body if wanted else node.orelse)
            case ast.While():
                yield from self._while(node)
            case ast.For():
                yield from self._for(node)
            case ast.Try():
                yield from self._try(node)
            case ast.With():
                for item in node.items:
                    yield from self.calls(item.context_expr)
                    if isinstance(item.optional_vars, ast.Name):
                        self.values[item.optional_vars.id] = self.values.get("answer")
                yield from self.body(node.body)
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case ast.Assert():
                yield from self.calls(node.test)
                if not self.value(node.test):
                    raise _Raised("AssertionError", "")
        return 0

    def _while(self, node: ast.While) -> Steps:
        if _takes_memory(node):
            return (yield from hog())
        for _ in range(ROUNDS):
            if not self.value(node.test):
                return 0
            try:
                yield from self.body(node.body)
            except _Break:
                return 0
            except _Continue:
                pass
            if not _waits(node):
                yield Sleep(FOREVER)
        yield Sleep(FOREVER)
        return 0

    def _for(self, node: ast.For) -> Steps:
        items = self.value(node.iter)
        if not isinstance(items, (list, tuple, range)):
            return 0
        for item in itertools.islice(items, ROUNDS):
            if isinstance(node.target, ast.Name):
                self.values[node.target.id] = item
            try:
                yield from self.body(node.body)
            except _Break:
                break
            except _Continue:
                continue
        return 0

    def _try(self, node: ast.Try) -> Steps:
        try:
            yield from self.body(node.body)
        except _Raised as error:
            if not node.handlers:
                raise
            handler = node.handlers[0]
            if handler.name:
                self.values[handler.name] = error.text
            yield from self.body(handler.body)
        finally:
            yield from self.body(node.finalbody)
        return 0

    # -- calls -------------------------------------------------------------------------------------------------------

    def calls(self, node: ast.expr) -> Steps:
        """Do what the calls in an expression do, from the inside out."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from self.calls(child)
            elif isinstance(child, ast.keyword):
                yield from self.calls(child.value)
        if isinstance(node, ast.Subscript) and dotted(node.value) in ("os.environ", "environ"):
            key = self.value(node.slice)
            if isinstance(key, str) and key not in self.box.env:
                raise _Raised("KeyError", repr(key))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield from allocate(self._repeated(node))
        if isinstance(node, ast.Call):
            yield from self._call(node)
        return 0

    def _repeated(self, node: ast.BinOp) -> int:
        """Bytes of a text or a list that is repeated often; 0 when it is neither, or small."""
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, int):
            left, right = right, left
        if not isinstance(left, (str, bytes, list)) or not isinstance(right, int):
            return 0
        size = len(left) * right * (8 if isinstance(left, list) else 1)
        return size if size > BIG else 0

    def _call(self, node: ast.Call) -> Steps:
        name = dotted(node.func)
        last = name.rpartition(".")[2]
        argument = self.first(node)
        if name == "print":
            yield Say(" ".join(str(self.value(word)) for word in node.args))
        elif name in ("sys.exit", "exit", "quit", "os._exit"):
            yield from self._exit(argument)
        elif name == "os.abort":
            raise _End(134)
        elif last == "kill" and "SIGSEGV" in ast.dump(node):
            raise _End(139)
        elif last == "sleep":
            yield Sleep(float(argument) if isinstance(argument, (int, float)) else 1.0)
        elif last in ("urlopen", "get", "urlretrieve") and isinstance(argument, str) and "://" in argument:
            yield from self._get(argument)
        elif last in ("create_connection", "connect") and isinstance(argument, tuple) and len(argument) == 2:
            yield from self._connect(str(argument[0]), int(argument[1]))
        elif last in ("serve_forever", "run_forever") or name in ("uvicorn.run", "app.run", "signal.pause"):
            yield from self._serve(node)
        elif last == "bytearray" and isinstance(argument, int) and argument > BIG:
            yield from allocate(argument)
        elif name == "open" and isinstance(argument, str):
            self._open(argument, node)
        elif name in self.functions:
            yield from self.body(self.functions[name].body)
        return 0

    def _exit(self, argument: Any) -> Steps:
        if argument is None or argument is False:
            raise _End(0)
        if isinstance(argument, int):
            raise _End(int(argument) & 0xFF)
        yield Say(str(argument))
        raise _End(1)

    def _get(self, url: str) -> Steps:
        try:
            answer = self.box.network.get(
                url, self.box.namespace, self.box.ip, timeout=30, cluster_dns=self.box.cluster_dns
            )
        except NetError as error:
            yield Sleep(5.0 if error.why == "i/o timeout" else 0.0)
            raise _Raised("urllib.error.URLError", f"<urlopen error {_words(error)}>") from None
        if answer.status >= 400:
            raise _Raised("urllib.error.HTTPError", f"HTTP Error {answer.status}: error")
        self.values["answer"] = answer
        return 0

    def _connect(self, host: str, port: int) -> Steps:
        try:
            self.box.connect(host, port)
        except NetError as error:
            yield Sleep(5.0 if error.why == "i/o timeout" else 0.0)
            raise _Raised("OSError" if error.why != REFUSED else "ConnectionRefusedError", _words(error)) from None
        return 0

    def _open(self, path: str, node: ast.Call) -> None:
        mode = self.value(node.args[1]) if len(node.args) > 1 else "r"
        if isinstance(mode, str) and set(mode) & set("wax+"):
            why = self.box.write(path)
            if why is not None:
                number = {"Read-only file system": 30, "Permission denied": 13}.get(why, 28)
                raise _Raised("PermissionError" if number == 13 else "OSError", f"[Errno {number}] {why}: '{path}'")
        elif not self.box.exists(path):
            raise _Raised("FileNotFoundError", f"[Errno 2] No such file or directory: '{path}'")

    def _serve(self, node: ast.Call) -> Steps:
        port = _port_in(node, self)
        ports = (
            (port,)
            if port is not None
            else tuple(int(entry["containerPort"]) for entry in self.box.container.get("ports") or ())
        )
        for number in ports:
            if self.box.taken(number):
                raise _Raised("OSError", "[Errno 98] Address already in use")
        bare = ast.unparse(node.func).endswith(".serve_forever")
        yield Listen(ports, Answers(paths=tuple(self.paths.items()), other=self.other, bare=bare))
        yield Use(14 << 20)
        yield Sleep(FOREVER)
        return 0

    def _handler(self, node: ast.ClassDef) -> None:
        """The paths that a request handler knows, and what it answers to others."""
        text = ast.unparse(node)
        paths = re.findall(r"'(/[^']*)'", text)
        codes = [int(code) for code in re.findall(r"\b([2345]\d\d)\b", text)]
        good = next((code for code in codes if code < 400), 200)
        bad = next((code for code in codes if code >= 400), None)
        if paths and bad is not None:
            self.paths = dict.fromkeys(paths, good)
            self.other = bad
        elif codes:
            self.other = codes[0]


def _words(error: NetError) -> str:
    if error.why == NO_SUCH_HOST or not error.port:
        return "[Errno -2] Name or service not known"
    return "[Errno 111] Connection refused" if error.why == REFUSED else "timed out"


def _takes_memory(node: ast.While) -> bool:
    text = ast.unparse(node)
    grows = ".append(" in text or ".extend(" in text or "+=" in text
    return (
        grows and bool(re.search(r"bytearray|bytes\(|\* ?\d{5,}|\* ?1024|'[^']{1,4}' \*", text)) and "sleep" not in text
    )


def _waits(node: ast.While) -> bool:
    text = ast.unparse(node)
    return any(word in text for word in ("sleep", "break", "exit", "raise", "urlopen", "wait", "+=", "-="))


def _port_in(node: ast.Call, walker: _Walker) -> int | None:
    """The port of a server: the number in its address."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
            port = walker.value(inner.elts[1])
            if isinstance(port, int) and 0 < port < 65536:
                return port
        if isinstance(inner, ast.keyword) and inner.arg == "port":
            port = walker.value(inner.value)
            if isinstance(port, int):
                return port
    value = walker.values.get("port") or walker.values.get("PORT")
    return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else None
