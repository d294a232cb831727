"""Label and field selectors: what is asked for with ``-l`` and ``--field-selector``.

Source: apimachinery's ``labels`` (the grammar of requirements) and ``fields``, and the field labels that each
kind's conversion registers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj

Matcher = Callable[[Obj], bool]

TOKEN = re.compile(r"\s*(?:(?P<op>==|!=|=|!|,|\(|\)|<|>)|(?P<word>[^\s=!,()<>]+))")
NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class Requirement(NamedTuple):
    """One condition: ``op`` is one of in, notin, exists, absent, gt, lt."""

    key: str
    op: str
    values: frozenset[str]

    def met(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it. A missing label meets ``notin``, as in the real one."""
        found = labels.get(self.key)
        if self.op == "exists":
            return found is not None
        if self.op == "absent":
            return found is None
        if self.op == "in":
            return found is not None and found in self.values
        if self.op == "notin":
            return found is None or found not in self.values
        try:
            number, bound = int(found or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.op == "gt" else number < bound


Labels = tuple[Requirement, ...]


class _Parser:
    """Reads the grammar of ``labels.Parse``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, bool]] = []
        place, length = 0, len(text.rstrip())
        while place < length:
            match = TOKEN.match(text, place)
            assert match is not None, "every character is an operator or part of a word"
            word = match["word"]
            self.tokens.append((word, True) if word is not None else (match["op"], False))
            place = match.end()

    def peek(self) -> tuple[str, bool]:
        return self.tokens[0] if self.tokens else ("", False)

    def take(self) -> tuple[str, bool]:
        return self.tokens.pop(0) if self.tokens else ("", False)

    def fail(self, why: str) -> errors.ApiError:
        return errors.bad_request(f"unable to parse requirement: {why}")

    def parse(self) -> Labels:
        found: list[Requirement] = []
        if not self.tokens:
            return ()
        while True:
            said, word = self.peek()
            if not word and said != "!":
                raise errors.bad_request(f"found '{said}', expected: !, identifier, or 'end of string'")
            found.append(self.requirement())
            said, _ = self.take()
            if said == "":
                return tuple(found)
            if said != ",":
                raise errors.bad_request(f"found '{said}', expected: ',' or 'end of string'")
            if self.peek()[0] == "":
                raise errors.bad_request("found '', expected: identifier after ','")

    def requirement(self) -> Requirement:
        said, word = self.take()
        absent = said == "!" and not word
        if absent:
            said, word = self.take()
        if not word:
            raise self.fail(f"found '{said}', expected: identifier")
        check_key(said)
        if absent:
            return Requirement(said, "absent", frozenset())
        following, is_word = self.peek()
        if following in ("", ",") and not is_word:
            return Requirement(said, "exists", frozenset())
        self.take()
        if is_word and following in ("in", "notin"):
            return Requirement(said, following, check_values(said, self.group()))
        if following in ("=", "==", "!="):
            value = self.take()[0] if self.peek()[1] else ""
            return Requirement(said, "notin" if following == "!=" else "in", check_values(said, [value]))
        if following in ("<", ">"):
            value, _ = self.take()
            if not re.fullmatch(r"-?\d+", value):
                raise self.fail(
                    f"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
                )
            return Requirement(said, "gt" if following == ">" else "lt", frozenset({value}))
        raise self.fail(f"found '{following}', expected: in, notin, =, ==, !=, gt, lt")

    def group(self) -> list[str]:
        said, _ = self.take()
        if said != "(":
            raise self.fail(f"found '{said}' expected: '('")
        said, word = self.peek()
        if not word and said not in (",", ")"):
            raise self.fail(f"found '{said}', expected: ',', ')' or identifier")
        values: list[str] = []
        while True:
            said, word = self.take()
            following = self.peek()
            if word:
                values.append(said)
                if following not in ((",", False), (")", False)):
                    raise self.fail(f"found '{following[0]}', expected: ',' or ')'")
            elif said == ",":
                if not values or following in ((",", False), (")", False)):
                    values.append("")
            elif said == ")":
                return values or [""]
            else:
                raise self.fail(f"found '{said}', expected: ',', or identifier")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check_key(key: str) -> None:
    """Refuse a label key that is not a qualified name."""
    prefix, slash, name = key.rpartition("/")
    mistakes = []
    if slash and "/" in prefix:
        mistakes = [
            "a qualified name "
            + NAME_RULE
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    elif slash and not PREFIX.fullmatch(prefix):
        mistakes = [
            "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
            "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
            "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ]
    elif len(name) > 63:
        mistakes = ["name part must be no more than 63 bytes"]
    elif not NAME.fullmatch(name):
        mistakes = ["name part " + NAME_RULE]
    if mistakes:
        said = "; ".join(mistakes)
        raise errors.bad_request(f"unable to parse requirement: <nil>: Invalid value: {_quoted(key)}: {said}")


def check_values(key: str, values: list[str]) -> frozenset[str]:
    """The values, refused when one is no label value."""
    for number, value in enumerate(values):
        rule = VALUE_RULE if value and not NAME.fullmatch(value) else ""
        if len(value) > 63:
            rule = "must be no more than 63 bytes"
        if rule:
            raise errors.bad_request(
                f"unable to parse requirement: values[{number}][{key}]: Invalid value: {_quoted(value)}: {rule}"
            )
    return frozenset(values)


@functools.lru_cache(maxsize=4096)
def labels(text: str) -> Labels:
    """The requirements of a label selector's text.

    Raises:
        ApiError: 400, it cannot be read.
    """
    return _Parser(text).parse()


def label_selector(selector: Mapping[str, Any] | None) -> Labels | None:
    """The requirements of a ``metav1.LabelSelector``; None, which selects nothing, when there is none."""
    if selector is None:
        return None
    found = [Requirement(k, "in", frozenset({v})) for k, v in (selector.get("matchLabels") or {}).items()]
    names = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    for entry in selector.get("matchExpressions") or ():
        found.append(Requirement(entry["key"], names[entry["operator"]], frozenset(entry.get("values") or ())))
    return tuple(found)


def selects(selector: Mapping[str, Any] | None, found: Mapping[str, str] | None) -> bool:
    """Whether a ``metav1.LabelSelector`` selects these labels; an empty one selects all, none selects nothing."""
    requirements = label_selector(selector)
    return requirements is not None and met(requirements, found or {})


def met(requirements: Labels, found: Mapping[str, str]) -> bool:
    """Whether these labels meet all of them."""
    return all(requirement.met(found) for requirement in requirements)


# -- fields --------------------------------------------------------------------------------------------------------

_EVENT = {
    **{f"involvedObject.{part}": ("involvedObject", part) for part in ("kind", "namespace", "name", "uid")},
    **{f"involvedObject.{part}": ("involvedObject", part) for part in ("apiVersion", "resourceVersion", "fieldPath")},
    "reason": ("reason",),
    "type": ("type",),
    "reportingComponent": ("reportingComponent",),
    "source": ("source", "component"),
}
_POD = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "pods": {name: tuple(name.split(".")) for name in _POD},
    "events": {
        **_EVENT,
        **{name.replace("involvedObject", "regarding"): path for name, path in _EVENT.items()},
        "reportingController": ("reportingComponent",),
    },
    "secrets": {"type": ("type",)},
    "namespaces": {"status.phase": ("status", "phase")},
    "nodes": {"spec.unschedulable": ("spec", "unschedulable")},
    "services": {"spec.clusterIP": ("spec", "clusterIP"), "spec.type": ("spec", "type")},
    "replicationcontrollers": {"status.replicas": ("status", "replicas")},
    "replicasets.apps": {"status.replicas": ("status", "replicas")},
    "jobs.batch": {"status.successful": ("status", "succeeded")},
    "certificatesigningrequests.certificates.k8s.io": {"spec.signerName": ("spec", "signerName")},
}
"""The fields beyond name and namespace that each kind can be selected by."""

_ZERO = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0", "status.successful": "0"}


class FieldTerm(NamedTuple):
    """One condition on a field: equal, or not."""

    path: tuple[str, ...]
    label: str
    value: str
    equal: bool


def fields(kind: Kind, text: str) -> tuple[FieldTerm, ...]:
    """The terms of a field selector's text.

    Raises:
        ApiError: 400, it cannot be read, or the kind cannot be selected by that field.
    """
    found = []
    known = FIELDS.get(kind.key, {})
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", part)
        if match is None:
            raise errors.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        label, op, value = match.groups()
        if label in ("metadata.name", "metadata.namespace"):
            path: tuple[str, ...] = tuple(label.split("."))
        elif label in known:
            path = known[label]
        elif known:
            raise errors.bad_request(
                f'field label "{label}" not supported for Job'
                if kind.key == "jobs.batch"
                else f"field label not supported: {label}"
            )
        else:
            raise errors.bad_request(
                f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        found.append(FieldTerm(path, label, value, op != "!="))
    return tuple(found)


def field_value(obj: Obj, term: FieldTerm) -> str:
    """The value of a field as selectors compare it: text, and the zero value where it is missing."""
    value: Any = obj
    for part in term.path:
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return _ZERO.get(term.label, "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def matcher(kind: Kind, label_text: str = "", field_text: str = "") -> Matcher | None:
    """Whether an object is selected; None when every one is."""
    requirements = labels(label_text) if label_text else ()
    terms = fields(kind, field_text) if field_text else ()
    if not requirements and not terms:
        return None

    def matches(obj: Obj) -> bool:
        if requirements and not met(requirements, obj["metadata"].get("labels") or {}):
            return False
        return all((field_value(obj, term) == term.value) is term.equal for term in terms)

    return matches
