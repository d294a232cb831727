"""The API: what a request does to the objects of the cluster, in the order of the real API server.

A write goes: types and unknown fields, defaults, mutating admission, the registry's own rules, validation, validating
admission, managed fields, store. A dry run stops before the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mcp_tools.targets.sandbox import (
    admitting,
    apply,
    checking,
    conversion,
    defaults,
    deletion,
    errors,
    kinds,
    meta,
    paging,
    patching,
    schema,
    strategy,
    subresources,
    validation,
)
from mcp_tools.targets.sandbox.access import Access
from mcp_tools.targets.sandbox.admitting import Action, Admission
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Page, Request
from mcp_tools.targets.sandbox.patching import PatchType
from mcp_tools.targets.sandbox.store import Obj, Ref, Store, copy

__all__ = ["Action", "Admission", "Api", "Page", "PatchType", "Request"]


class Api:
    """The requests that a cluster answers. One thread only; what it gives is shared and not to be changed."""

    def __init__(self, store: Store, clock: Clock, admission: Sequence[Admission] = ()) -> None:
        self.store = store
        self.clock = clock
        self.admission: list[Admission] = list(admission)
        self.access = Access(self)

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, kind: Kind, namespace: str, name: str, request: Request | None = None, subresource: str = "") -> Obj:
        """One object, or what a subresource shows of it. ``request`` asks for authorization as well.

        Raises:
            ApiError: 403, 404.
        """
        self._begin(request, "get", kind, namespace, name, subresource)
        found = conversion.from_stored(kind, self._find(kind, namespace, name))
        return subresources.show(kind, found, subresource) if subresource else found

    def select(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
        exact: bool = False,
        request: Request | None = None,
    ) -> Page:
        """A list, or a page of it; of all namespaces when that is None. ``exact``: as of that version, not newer.

        Raises:
            ApiError: 400 for a selector or token, 403, 410 for a token that is too old.
        """
        self._begin(request, "list", kind, namespace or "", "")
        page = paging.select(
            self.store,
            kind,
            namespace if kind.namespaced else None,
            label_selector=label_selector,
            field_selector=field_selector,
            limit=limit,
            continue_token=continue_token,
            resource_version=resource_version,
            exact=exact,
        )
        if not conversion.is_stored(kind):
            page.items = [conversion.from_stored(kind, item) for item in page.items]
        return page

    def _begin(
        self, request: Request | None, verb: str, kind: Kind, namespace: str, name: str, subresource: str = ""
    ) -> None:
        self.access.check(request, verb, kind, namespace, name, subresource)
        if request is not None and kind.key in admitting.DEPRECATED:
            request.warn(admitting.DEPRECATED[kind.key])

    def _find(self, kind: Kind, namespace: str, name: str) -> Obj:
        found = self.store.get(kind.key, namespace if kind.namespaced else "", name)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    # -- creating ------------------------------------------------------------------------------------------------

    def create(
        self, kind: Kind, namespace: str, obj: Obj, request: Request, subresource: str = "", name: str = ""
    ) -> Obj:
        """Create an object; ``name`` is that of the URL, of the parent when it is a subresource.

        Raises:
            ApiError: as the real API answers.
        """
        self._begin(request, "create", kind, namespace, name, subresource)
        if subresource:
            return subresources.create(self, kind, namespace, name, obj, request, subresource)
        if kind.key in subresources.VIRTUAL:
            return subresources.virtual(self, kind, namespace, obj, request)
        return self._create(kind, namespace, obj, request)

    def _create(self, kind: Kind, namespace: str, obj: Obj, request: Request, *, applied: bool = False) -> Obj:
        """``applied``: the object carries the managed fields of the server-side apply that makes it."""
        new = self._decode(kind, namespace, obj, request)
        facts = new["metadata"]
        numbered = facts.get("resourceVersion")
        managed = facts.get("managedFields") if applied else None
        meta.begin(new, self.clock.stamp())
        if managed:
            facts["managedFields"] = managed
        elif not applied:
            # Before admission: what its plugins add belongs to nobody.
            apply.updated(kind, None, new, request.manager, self.clock.stamp())
        shown, kind = kind, conversion.stored_kind(kind)
        new = conversion.to_stored(shown, new)
        facts = new["metadata"]
        if not facts.get("name") and facts.get("generateName"):
            home = namespace if kind.namespaced else ""
            facts["name"] = meta.free_name(self.store, kind, home, facts["generateName"])
        if not facts.get("name"):
            raise errors.invalid(kind, "", validation.validate(kind, new, None))
        if kind.namespaced:
            admitting.check_namespace(self.store, kind, namespace, facts.get("name", ""))
        strategy.prepare_create(kind, new)
        self._admit("CREATE", kind, new, None, namespace, request, "")
        self._validate("CREATE", kind, new, None, namespace, request, "")
        if self.store.get(kind.key, facts.get("namespace", ""), facts["name"]) is not None:
            raise checking.taken(self.store, kind, facts)
        if numbered:
            raise ApiError(500, "resourceVersion should not be set on objects to be created", reason="")
        if request.dry_run:
            return conversion.from_stored(shown, new)
        return conversion.from_stored(shown, self.store.put(kind.key, meta.arranged(new)))

    def _decode(
        self, kind: Kind, namespace: str, obj: Any, request: Request, name: str | None = None, **patched: Any
    ) -> Obj:
        """The object of a body: of the right kind and place, its fields known and of the right types, with defaults.

        ``patched`` says which patch led to it, for the words of a refusal.
        """
        new = meta.check_type(kind, meta.own(obj), patched=bool(patched))
        schema.structural(kind, new, request.field_validation, request.warnings, **patched)
        made: Obj = meta.plain(new)
        meta.place(kind, namespace, made, name)
        defaults.apply(kind, made)
        return made

    # -- admission and validation --------------------------------------------------------------------------------

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Ask the admission plugins: the mutating ones, then the validating ones."""
        self._admit(action, kind, obj, old, namespace, request, subresource)
        for plugin in self.admission:
            plugin.validate(action, kind, obj, old, namespace, request, subresource)

    def _admit(self, *asked: Any) -> None:
        for plugin in self.admission:
            plugin.admit(*asked)

    def _validate(
        self, action: Action, kind: Kind, obj: Obj, old: Obj | None, namespace: str, request: Request, subresource: str
    ) -> None:
        checking.check(kind, obj, old, request, subresource)
        for plugin in self.admission:
            plugin.validate(action, kind, obj, old, namespace, request, subresource)

    # -- changing ------------------------------------------------------------------------------------------------

    def update(self, kind: Kind, namespace: str, name: str, obj: Obj, request: Request, subresource: str = "") -> Obj:
        """Replace an object, or what a subresource writes of it.

        Raises:
            ApiError: as the real API answers; 409 when the object is another version than the body names.
        """
        self._begin(request, "update", kind, namespace, name, subresource)
        if subresource and subresource != "status":
            return subresources.update(self, kind, namespace, name, obj, request, subresource)
        old = self.store.get(kind.key, namespace if kind.namespaced else "", name)
        if old is None and (subresource or kind.key not in strategy.CREATED_BY_UPDATE):
            raise errors.not_found(kind, name)
        new = self._decode(kind, namespace, obj, request, name)
        if old is None:
            return self._create(kind, namespace, new, request)
        if not new["metadata"].get("resourceVersion") and kind.key in strategy.CONDITIONAL_ONLY and not subresource:
            mistake = FieldError(
                "metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0x0: must be specified for an update"
            )
            # The server names the resource here, not the kind.
            raise errors.invalid(replace(kind, kind=kind.plural), name, [mistake])
        return self.replace(kind, old, new, request, subresource)

    def replace(
        self,
        kind: Kind,
        old: Obj,
        new: Obj,
        request: Request,
        subresource: str,
        *,
        applied: bool = False,
        patched: bool = False,
    ) -> Obj:
        """Put ``new``, a decoded object of that kind, in the place of ``old``, the stored one."""
        shown, kind = kind, conversion.stored_kind(kind)
        new = conversion.to_stored(shown, new)
        meta.carry_over(kind, old, new, patched=applied or patched)
        if subresource == "status":
            new = strategy.prepare_status(kind, old, new)
        elif not subresource:
            strategy.prepare_update(kind, old, new)
        if not applied:
            apply.updated(shown, old, new, request.manager, self.clock.stamp(), subresource)
        namespace = old["metadata"].get("namespace", "")
        self._admit("UPDATE", kind, new, old, namespace, request, subresource)
        if strategy.raises_generation(kind, old, new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        self._validate("UPDATE", kind, new, old, namespace, request, subresource)
        if meta.same_but_managers(old, new) and meta.same_managers(old, new):
            return conversion.from_stored(shown, old)
        if request.dry_run:
            return conversion.from_stored(shown, new)
        return conversion.from_stored(shown, self._put(kind, new))

    def _put(self, kind: Kind, new: Obj) -> Obj:
        """Store a new state, or remove the object when that was the last thing that held it."""
        if not deletion.finished(new):
            return self.store.put(kind.key, meta.arranged(new))
        facts = new["metadata"]
        self.store.remove(Ref(kind.key, facts.get("namespace", ""), facts["name"]))
        return new

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch_type: PatchType,
        body: Any,
        request: Request,
        subresource: str = "",
        force: bool = False,
    ) -> tuple[Obj, bool]:
        """Change an object by a patch; whether it was created, as an apply may do.

        Raises:
            ApiError: as the real API answers.
        """
        self._begin(request, "patch", kind, namespace, name, subresource)
        old = self.store.get(kind.key, namespace if kind.namespaced else "", name)
        if old is None and (patch_type != "apply" or subresource):
            raise errors.not_found(kind, name)
        live = None if old is None else conversion.from_stored(kind, old)
        if subresource and subresource != "status":
            assert live is not None
            view = copy(subresources.show(kind, live, subresource))
            shown = subresources.SCALE if subresource == "scale" else kind
            changed = patching.patched(shown, view, patch_type, body)
            return subresources.update(self, kind, namespace, name, changed, request, subresource), False
        if patch_type == "apply":
            return self._apply(kind, namespace, name, live, body, request, subresource, force)
        assert old is not None and live is not None
        changed = patching.patched(kind, live, patch_type, body)
        new = self._decode(kind, namespace, changed, request, name, patch_type=patch_type, patch=body)
        return self.replace(kind, old, new, request, subresource, patched=True), False

    def _apply(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        live: Obj | None,
        body: Any,
        request: Request,
        subresource: str,
        force: bool,
    ) -> tuple[Obj, bool]:
        """Server-side apply. Its managed fields are computed from what was applied, before defaults."""
        applied = meta.applied_type(kind, meta.without_nulls(body))
        meta.place(kind, namespace, {**applied, "metadata": {**applied["metadata"]}}, name)  # checked only
        applied["metadata"]["name"] = name
        merged = apply.apply(kind, live, applied, request.manager, force, self.clock.stamp(), subresource)
        if live is None:
            return self._create(kind, namespace, merged, request, applied=True), True
        new = self._decode(kind, namespace, merged, request)
        old = self._find(kind, namespace, name)
        return self.replace(kind, old, new, request, subresource, applied=True), False

    # -- deleting ------------------------------------------------------------------------------------------------

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        request: Request,
        *,
        propagation: str | None = None,
        grace: int | None = None,
        preconditions: dict[str, Any] | None = None,
    ) -> Obj:
        """Delete an object, or begin to; the object, or a ``Status``.

        Raises:
            ApiError: as the real API answers.
        """
        self._begin(request, "delete", kind, namespace, name)
        old = self._find(kind, namespace, name)
        stored = conversion.stored_kind(kind)
        answer = deletion.delete(
            self, stored, old, request, propagation=propagation, grace=grace, preconditions=preconditions
        )
        return answer if answer["kind"] == "Status" else conversion.from_stored(kind, answer)

    def delete_collection(
        self,
        kind: Kind,
        namespace: str,
        request: Request,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation: str | None = None,
        grace: int | None = None,
        preconditions: dict[str, Any] | None = None,
    ) -> Page:
        """Delete every object that is selected; those that were.

        Raises:
            ApiError: as the real API answers.
        """
        self._begin(request, "deletecollection", kind, namespace, "")
        page = self.select(kind, namespace, label_selector=label_selector, field_selector=field_selector)
        stored = conversion.stored_kind(kind)
        for item in page.items:
            old = self.store.get(kind.key, item["metadata"].get("namespace", ""), item["metadata"]["name"])
            if old is not None:
                deletion.delete(
                    self, stored, old, request, propagation=propagation, grace=grace, preconditions=preconditions
                )
        return Page(page.items, str(self.store.version))

    # -- controllers ---------------------------------------------------------------------------------------------

    def edit(self, ref: Ref, change: Callable[[Obj], None], *, manager: str) -> Obj | None:
        """Let ``change`` change the object; None when there is none. Nothing is stored when nothing changes.

        For controllers and the kubelet: nothing is validated, a change of the spec is a new generation, and ``manager``
        owns what it changes, where fields have owners.
        """
        old = self.store.at(ref)
        if old is None:
            return None
        new = copy(old)
        change(new)
        if new == old:
            return old
        kind = kinds.by_key(ref.key)
        # Where the spec stays it is a write of the status, which no annotation makes a new generation.
        part = "status" if strategy.has_status(kind) and new.get("spec") == old.get("spec") else ""
        if not part and strategy.raises_generation(kind, old, new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if old["metadata"].get("managedFields"):
            apply.updated(kind, old, new, manager, self.clock.stamp(), part)
        return self._put(kind, new)
