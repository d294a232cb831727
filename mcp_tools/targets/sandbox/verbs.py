"""What each HTTP method does to a resource: the query and the body read, the API called, the answer formed.

Source: the endpoint handlers of apiserver (``pkg/endpoints/handlers``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from mcp_tools.targets.sandbox import bodies, conversion, deletion, errors, podlogs, selectors, tables, watching
from mcp_tools.targets.sandbox.api import PatchType
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.meta import Page, Request
from mcp_tools.targets.sandbox.store import Obj, Ref
from mcp_tools.targets.sandbox.wire import PATCHES, Answer, Form, Incoming, Place, answer, choose, dump

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

NO_PROCESSES = frozenset({"exec", "attach", "portforward", "proxy"})
VALIDATIONS = ("Ignore", "Warn", "Strict")
METHOD_NOT_ALLOWED = ApiError(405, "the server does not allow this method on the requested resource", details={})
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def verb(incoming: Incoming, place: Place) -> str:
    """The verb of a request, as RBAC and audit logs name it."""
    if incoming.method in {"GET", "HEAD"}:
        if incoming.flag("watch"):
            return "watch"
        return "get" if place.name else "list"
    if incoming.method == "DELETE" and not place.name:
        return "deletecollection"
    return _VERBS.get(incoming.method, incoming.method.lower())


class Verbs:
    """The resources of one cluster, by HTTP."""

    def __init__(self, cluster: Cluster, hub: watching.Hub, wake: Callable[[], None]) -> None:
        self.cluster = cluster
        self.wake = wake
        self.api = cluster.api
        self.hub = hub

    def serve(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        """Answer a request to a resource.

        Raises:
            ApiError: the refusal.
        """
        asked = verb(incoming, place)
        if place.subresource in NO_PROCESSES:
            self.api.access.check(request, asked, place.kind, place.namespace, place.name, place.subresource)
            raise _no_processes(place)
        if asked in {"create", "update", "patch", "delete", "deletecollection"}:
            _options(incoming, request)
        if asked == "get" and place.subresource == "log":
            return podlogs.serve(self.cluster, self.wake, incoming, place, request)
        self._check_verb(asked, place)
        call = getattr(self, f"_{asked}")
        found: Answer = call(incoming, place, request)
        return found

    def _check_verb(self, asked: str, place: Place) -> None:
        if place.subresource:
            allowed = _subresource_verbs(place)
        elif (asked == "create" and place.name) or (asked in {"update", "patch"} and not place.name):
            raise METHOD_NOT_ALLOWED
        else:
            allowed = place.kind.verbs
        if asked not in allowed:
            raise METHOD_NOT_ALLOWED

    # -- reading -----------------------------------------------------------------------------------------------------

    def _get(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        found = self.api.get(place.kind, place.namespace, place.name, request, place.subresource)
        if not form.kind and not place.subresource and conversion.is_stored(place.kind):
            ref = Ref(place.kind.key, found["metadata"].get("namespace", ""), place.name)
            return Answer(200, self.api.store.encoded(ref, found) + b"\n")
        return self._shaped(found, incoming, place, form)

    def _list(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        version, match = incoming.one("resourceVersion"), incoming.one("resourceVersionMatch")
        _check_match(incoming, version, match)
        page = self.api.select(
            place.kind,
            place.namespace or None,
            label_selector=incoming.one("labelSelector"),
            field_selector=incoming.one("fieldSelector"),
            limit=max(incoming.number("limit") or 0, 0),
            continue_token=incoming.one("continue"),
            resource_version=version,
            exact=match == "Exact" or (bool(incoming.number("limit")) and version not in {"", "0"} and not match),
            request=request,
        )
        return self._list_of(page, incoming, place, form)

    def _list_of(self, page: Page, incoming: Incoming, place: Place, form: Form) -> Answer:
        meta: dict[str, Any] = {"resourceVersion": page.version}
        if page.continue_token:
            meta["continue"] = page.continue_token
        if page.remaining is not None:
            meta["remainingItemCount"] = page.remaining
        now, version = self.cluster.clock.now(), form.version
        if form.kind == "Table":
            include = incoming.one("includeObject") or "Metadata"
            return answer(tables.table(place.kind, page.items, now, include=include, meta=meta, version=version))
        if form.kind:
            return answer(tables.partial_list(page.items, meta, version))
        return Answer(200, self._encoded(page, place, meta))

    def _encoded(self, page: Page, place: Place, meta: dict[str, Any]) -> bytes:
        """The list as JSON. Its items do not say their kind, as in the lists of built-in kinds of a real server."""
        kind = place.kind
        heads = (
            b'{"apiVersion":"%s","kind":"%s",' % (kind.api_version.encode(), kind.kind.encode()),
            b'{"kind":"%s","apiVersion":"%s",' % (kind.kind.encode(), kind.api_version.encode()),
        )
        stored, encoded = conversion.is_stored(kind), self.api.store.encoded
        parts = []
        for obj in page.items:
            text = b""
            if stored:
                meta_of = obj["metadata"]
                text = encoded(Ref(kind.key, meta_of.get("namespace", ""), meta_of["name"]), obj)
            if text.startswith(heads):
                parts.append(b"{" + text[len(heads[0]) :])
            else:
                plain = {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}
                parts.append(dump(plain)[:-1])
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta}
        return b'%s,"items":[%s]}\n' % (dump(head)[:-2], b",".join(parts))

    def _watch(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        kind, namespace = place.kind, place.namespace
        self.api.access.check(request, "watch", kind, namespace, place.name)
        asks = bool(incoming.one("sendInitialEvents"))
        version = watching.begins(incoming.one("resourceVersion"), incoming.one("resourceVersionMatch"), asks)
        field_selector = incoming.one("fieldSelector")
        if place.name:
            field_selector = f"metadata.name={place.name}"
        asked = watching.Asked(
            kind=kind,
            namespace=namespace,
            matches=selectors.matcher(kind, incoming.one("labelSelector"), field_selector),
            form=form,
            version=version,
            bookmarks=incoming.flag("allowWatchBookmarks"),
            timeout=watching.timeout(incoming.number("timeoutSeconds")),
            include=incoming.one("includeObject") or "Metadata",
        )
        watch = watching.Watch(self.hub, asked, self.cluster.clock.now)
        media = f"application/json;stream=watch;as={form.kind};g={form.group};v={form.version}" if form.kind else ""
        return Answer(200, content_type=media or "application/json", stream=watch)

    def _shaped(self, obj: Obj, incoming: Incoming, place: Place, form: Form, code: int = 200) -> Answer:
        """One object in the form that was asked for; a Status as it is."""
        if form.kind == "Table":
            if obj["kind"] == "Status":
                return answer(tables.status_table(obj, form.version), code)
            include = incoming.one("includeObject") or "Metadata"
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            now = self.cluster.clock.now()
            made = tables.table(place.kind, [obj], now, include=include, meta=meta, version=form.version)
            return answer(made, code)
        if form.kind and obj["kind"] != "Status":
            return answer(tables.partial(obj, form.version), code)
        return answer(obj, code)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _create(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        body = _body(incoming, place.kind.kind)
        made = self.api.create(place.kind, place.namespace, body, request, place.subresource, place.name)
        return self._shaped(made, incoming, place, form, 201)

    def _update(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        body = _body(incoming, place.kind.kind)
        before = self.api.store.get(place.kind.key, place.namespace, place.name)
        made = self.api.update(place.kind, place.namespace, place.name, body, request, place.subresource)
        return self._shaped(made, incoming, place, form, 200 if before is not None else 201)

    def _patch(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        media = incoming.header("content-type").partition(";")[0].strip().lower()
        if media not in PATCHES:
            raise ApiError(415, "415: Unsupported Media Type", details={})
        patch_type = cast(PatchType, PATCHES[media])
        force = incoming.flag("force")
        if patch_type == "apply" and not incoming.one("fieldManager"):
            raise _invalid_option("PatchOptions", "fieldManager", "FieldValueRequired", _MANAGER)
        if patch_type != "apply" and incoming.query.get("force"):
            text = "Forbidden: may not be specified for non-apply patch"
            raise _invalid_option("PatchOptions", "force", "FieldValueForbidden", text)
        body = bodies.patch(incoming.body, patch_type, request.warnings, request.field_validation)
        made, created = self.api.patch(
            place.kind, place.namespace, place.name, patch_type, body, request, place.subresource, force
        )
        return self._shaped(made, incoming, place, form, 201 if created else 200)

    def _delete(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        options = self._delete_options(incoming, request)
        gone = self.api.delete(place.kind, place.namespace, place.name, request, **options)
        return self._shaped(gone, incoming, place, form)

    def _deletecollection(self, incoming: Incoming, place: Place, request: Request) -> Answer:
        form = choose(incoming.header("accept"))
        options = self._delete_options(incoming, request)
        page = self.api.delete_collection(
            place.kind,
            place.namespace,
            request,
            label_selector=incoming.one("labelSelector"),
            field_selector=incoming.one("fieldSelector"),
            **options,
        )
        return self._list_of(page, incoming, place, form)

    def _delete_options(self, incoming: Incoming, request: Request) -> dict[str, Any]:
        """The ``DeleteOptions`` of the body, or of the query when there is none."""
        given: Any = _body(incoming, "DeleteOptions") if incoming.body.strip() else None
        if given is not None and not isinstance(given, dict):
            raise errors.bad_request("couldn't get version/kind; json parse error: cannot unmarshal into DeleteOptions")
        if given and given.get("kind") not in {None, "", "DeleteOptions"}:
            what = f"{given.get('apiVersion')}, Kind={given['kind']}"
            raise errors.bad_request(f"decoded object cannot be converted to DeleteOptions: {what}")
        found = given or {
            "gracePeriodSeconds": incoming.number("gracePeriodSeconds"),
            "propagationPolicy": incoming.one("propagationPolicy") or None,
            "orphanDependents": incoming.flag("orphanDependents") if incoming.one("orphanDependents") else None,
        }
        if found.get("dryRun"):
            _dry_run(list(found["dryRun"]), "DeleteOptions", request)
        policy = found.get("propagationPolicy")
        if policy is not None and found.get("orphanDependents") is not None:
            text = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
            raise _invalid_option("DeleteOptions", "propagationPolicy", "FieldValueInvalid", text)
        if policy is None and found.get("orphanDependents") is not None:
            policy = "Orphan" if found["orphanDependents"] else "Background"
        deletion.check_options(policy, found.get("gracePeriodSeconds"))
        return {
            "propagation": policy,
            "grace": found.get("gracePeriodSeconds"),
            "preconditions": found.get("preconditions"),
        }


def _body(incoming: Incoming, kind: str) -> Any:
    return bodies.decode(incoming.body, incoming.header("content-type"), kind)


_MANAGER = "Required value: is required for apply patch"


def _subresource_verbs(place: Place) -> frozenset[str]:
    """The verbs that discovery lists for a subresource."""
    from mcp_tools.targets.sandbox.discovery import resources

    name = f"{place.kind.plural}/{place.subresource}"
    listed = resources()[place.kind.path.removeprefix("/")]["resources"]
    return frozenset(next((entry["verbs"] for entry in listed if entry["name"] == name), ()))


def _check_match(incoming: Incoming, version: str, match: str) -> None:
    """The rules between resourceVersion, resourceVersionMatch and continue of a list."""
    text = ""
    if incoming.one("sendInitialEvents"):
        raise _invalid_option(
            "ListOptions",
            "sendInitialEvents",
            "FieldValueForbidden",
            "Forbidden: sendInitialEvents is forbidden for list",
        )
    if match:
        if not version:
            text = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        elif incoming.one("continue"):
            text = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        elif match not in {"Exact", "NotOlderThan"}:
            text = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        elif match == "Exact" and version == "0":
            text = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    if text:
        reason = "FieldValueNotSupported" if text.startswith("Unsupported") else "FieldValueForbidden"
        raise _invalid_option("ListOptions", "resourceVersionMatch", reason, text)


def _options(incoming: Incoming, request: Request) -> None:
    """What the query says of a write: dry run, field manager, strictness."""
    title = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}.get(
        incoming.method, "DeleteOptions"
    )
    if "dryRun" in incoming.query:
        _dry_run(incoming.query["dryRun"], title, request)
    manager = incoming.one("fieldManager")
    if len(manager) > 128:
        text = "Too long: may not be more than 128 bytes"
        raise _invalid_option(title, "fieldManager", "FieldValueTooLong", text)
    strange = next((at for at, char in enumerate(manager) if not char.isprintable()), None)
    if strange is not None:
        text = f"Invalid value: {json.dumps(manager)}: "
        text += f"invalid character U+{ord(manager[strange]):04X} (at position {strange})"
        raise _invalid_option(title, "fieldManager", "FieldValueInvalid", text)
    request.manager = manager or _of_agent(incoming.header("user-agent"))
    validation = incoming.one("fieldValidation") or "Warn"
    if validation not in VALIDATIONS:
        text = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
        raise _invalid_option(title, "fieldValidation", "FieldValueNotSupported", text)
    request.field_validation = cast(Any, validation)


def _of_agent(agent: str) -> str:
    """The field manager of who names none: the program of the User-Agent."""
    return "".join(char for char in agent.split("/", 1)[0] if char.isprintable())[:128] or "unknown"


def _dry_run(values: list[str], title: str, request: Request) -> None:
    if values != ["All"]:
        given = ", ".join(json.dumps(value) for value in values)
        text = f'Unsupported value: []string{{{given}}}: supported values: "All"'
        raise _invalid_option(title, "dryRun", "FieldValueNotSupported", text)
    request.dry_run = True


def _invalid_option(title: str, field: str, reason: str, message: str) -> ApiError:
    causes = [{"reason": reason, "message": message, "field": field}]
    details = {"group": "meta.k8s.io", "kind": title, "causes": causes}
    return ApiError(422, f'{title}.meta.k8s.io "" is invalid: {field}: {message}', details=details)


def _no_processes(place: Place) -> ApiError:
    what = f"{place.subresource} is not possible here: the sandbox simulates containers and runs no processes"
    details = {"name": place.name, "kind": place.kind.plural}
    return ApiError(501, f"{what}; use a real cluster for it", reason="NotImplemented", details=details)
