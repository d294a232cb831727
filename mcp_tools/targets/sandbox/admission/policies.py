"""ValidatingAdmissionPolicies: expressions of CEL about the object that is written.

Source: ``apiserver/pkg/admission/plugin/policy/validating`` of Kubernetes. Of its CEL libraries there are the standard
functions, those of strings and lists that policies mostly use, and not ``authorizer`` and optional fields: an
expression that needs those is one that cannot be evaluated, as the failure policy of its policy wants it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_tools.targets.sandbox import kinds
from mcp_tools.targets.sandbox.admission import rules
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, refused
from mcp_tools.targets.sandbox.controllers.common import labels_of, matches
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

GROUP = "admissionregistration.k8s.io"
POLICIES, BINDINGS = f"validatingadmissionpolicies.{GROUP}", f"validatingadmissionpolicybindings.{GROUP}"
CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
FUNCTIONS = {
    "join": lambda items, by="": by.join(items),
    "split": lambda text, by: text.split(by),
    "replace": lambda text, old, new: text.replace(old, new),
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "substring": lambda text, first, last=None: text[first:last],
    "indexOf": lambda text, part: text.find(part),
    "sum": sum,
}


class Unevaluated(Exception):
    """An expression has no value; the text is that of cel-go."""


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    import cel

    return cel.compile(expression)


def evaluate(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Raises:
        Unevaluated: it has none.
    """
    import cel

    try:
        program = _compiled(expression)
        needed = {name: scope[name] for name in program.variables() if name in scope}
        return program.execute(cel.Context(needed, FUNCTIONS))
    except KeyError as error:
        raise Unevaluated(f"no such key: {error.args[0]}") from error
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError, ZeroDivisionError) as error:
        raise Unevaluated(str(error).splitlines()[0]) from error


class Variables(dict[str, Any]):
    """The variables of a policy by name: each may use those before it."""

    def __init__(self, policy: Obj, scope: Mapping[str, Any]) -> None:
        super().__init__()
        for each in policy["spec"].get("variables") or ():
            try:
                self[each["name"]] = evaluate(each["expression"], {**scope, "variables": self})
            except Unevaluated:
                # Only an expression that uses it fails.
                continue


class Policies(Plugin):
    """Holds requests against the policies that are bound."""

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Refuse, warn, or let pass."""
        if kind.group == GROUP or not self.store.count(BINDINGS):
            return
        about = obj or old
        assert about is not None, "a request is about an object"
        name = about["metadata"].get("name", "")
        for policy, binding in self._bound():
            matchers = [policy["spec"].get("matchConstraints") or {}]
            given = binding["spec"].get("matchResources")
            if not all(self._matches(each, action, kind, subresource, name, obj, old, namespace) for each in matchers):
                continue
            if given and not self._bound_to(given, action, kind, subresource, name, obj, old, namespace):
                continue
            scope = self._scope(action, kind, obj, old, namespace, request, subresource, name)
            self._check(policy, binding, scope, kind, about, request)

    def _bound(self) -> Iterator[tuple[Obj, Obj]]:
        for binding in self.store.select(BINDINGS):
            policy = self.store.get(POLICIES, "", binding["spec"]["policyName"])
            if policy is not None:
                yield policy, binding

    def _matches(
        self,
        matcher: Obj,
        action: Action,
        kind: Kind,
        subresource: str,
        name: str,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
    ) -> bool:
        how = matcher.get("matchPolicy")
        if not rules.ruled(matcher.get("resourceRules"), how, action, kind, subresource, name):
            return False
        if rules.ruled(matcher.get("excludeResourceRules"), how, action, kind, subresource, name):
            return False
        return rules.selected(self.store, matcher, kind, obj, old, namespace)

    def _bound_to(
        self,
        matcher: Obj,
        action: Action,
        kind: Kind,
        subresource: str,
        name: str,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
    ) -> bool:
        """A binding without rules takes what its policy takes."""
        if matcher.get("resourceRules"):
            return self._matches(matcher, action, kind, subresource, name, obj, old, namespace)
        how = matcher.get("matchPolicy")
        if rules.ruled(matcher.get("excludeResourceRules"), how, action, kind, subresource, name):
            return False
        return rules.selected(self.store, matcher, kind, obj, old, namespace)

    def _scope(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
        name: str,
    ) -> dict[str, Any]:
        group = {"group": kind.group, "version": kind.version}
        user = {"username": request.user, "groups": list(request.groups), "uid": request.uid, "extra": request.extra}
        asked = {
            "kind": {**group, "kind": kind.kind},
            "resource": {**group, "resource": kind.plural},
            "subResource": subresource,
            "name": name,
            "namespace": namespace,
            "operation": action,
            "userInfo": user,
            "dryRun": request.dry_run,
        }
        home = self.store.get("namespaces", "", namespace) if namespace else None
        return {"object": obj, "oldObject": old, "request": asked, "namespaceObject": home, "params": None}

    def _params(self, policy: Obj, binding: Obj, namespace: str) -> list[Obj | None]:
        """What the expressions are told as ``params``, each in its turn; nothing when there is none of it."""
        source, chosen = policy["spec"].get("paramKind"), binding["spec"].get("paramRef")
        if source is None or chosen is None:
            return [None]
        kind = kinds.of(source["apiVersion"], source["kind"])
        if kind is None:
            return []
        place = (chosen.get("namespace") or namespace) if kind.namespaced else ""
        if chosen.get("name"):
            found = self.store.get(kind.key, place, chosen["name"])
            return [found] if found is not None else []
        return [each for each in self.store.select(kind.key, place) if matches(chosen.get("selector"), labels_of(each))]

    def _check(
        self, policy: Obj, binding: Obj, scope: dict[str, Any], kind: Kind, about: Obj, request: Request
    ) -> None:
        wrong: list[tuple[str, str]] = []
        params = self._params(policy, binding, scope["request"]["namespace"])
        if not params and (binding["spec"].get("paramRef") or {}).get("parameterNotFoundAction") == "Deny":
            text = "no params found for policy binding with `Deny` parameterNotFoundAction"
            wrong.append((f"failed to configure binding: {text}", "Invalid"))
        for each in params:
            wrong += self._violations(policy, {**scope, "params": each})
        if not wrong:
            return
        names = policy["metadata"]["name"], binding["metadata"]["name"]
        actions = binding["spec"].get("validationActions") or ()
        if "Warn" in actions:
            for text, _ in wrong:
                title = f"Validation failed for ValidatingAdmissionPolicy '{names[0]}' with binding '{names[1]}'"
                request.warn(f"{title}: {text}")
        if "Deny" in actions:
            text, reason = wrong[0]
            title = f"ValidatingAdmissionPolicy '{names[0]}' with binding '{names[1]}' denied request"
            error = refused(kind, about, f"{title}: {text}")
            error.reason, error.code = reason, CODES.get(reason, 422)
            error.details = {**(error.details or {}), "causes": [{"message": f"{title}: {text}"}]}
            raise error

    def _violations(self, policy: Obj, scope: dict[str, Any]) -> list[tuple[str, str]]:
        """What is said against the request, with the reasons."""
        spec = policy["spec"]
        strict = spec.get("failurePolicy", "Fail") == "Fail"
        scope = {**scope, "variables": Variables(policy, scope)}
        try:
            if not all(evaluate(each["expression"], scope) for each in spec.get("matchConditions") or ()):
                return []
        except Unevaluated as problem:
            return [(str(problem), "Invalid")] if strict else []
        found = []
        for each in spec.get("validations") or ():
            expression = each["expression"].strip()
            try:
                if evaluate(each["expression"], scope) is not True:
                    found.append((_said(each, expression, scope), each.get("reason") or "Invalid"))
            except Unevaluated as problem:
                if strict:
                    found.append((f"expression '{expression}' resulted in error: {problem}", "Invalid"))
        return found


def _said(validation: Obj, expression: str, scope: Mapping[str, Any]) -> str:
    """The message of a validation that failed."""
    if validation.get("messageExpression"):
        try:
            said = evaluate(validation["messageExpression"], scope)
            if isinstance(said, str) and said.strip():
                return said.strip()
        except Unevaluated:
            pass
    text: str = (validation.get("message") or "").strip()
    return text or f"failed expression: {expression}"
