"""What each namespace has from the start: the service account ``default``, and the certificate of the cluster.

Source: ``pkg/controller/serviceaccount`` and ``pkg/controller/certificates/rootcacertpublisher`` of Kubernetes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.access import ISSUER
from mcp_tools.targets.sandbox.controllers.common import Controller, deleting, itself
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

NAMESPACES, ACCOUNTS, CONFIG_MAPS = "namespaces", "serviceaccounts", "configmaps"
CA_NAME, CA_KEY = "kube-root-ca.crt", "ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - the type of a Secret
LASTS = 20 * 365 * 24 * 3600
NAME_NOTE, UID_NOTE = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


class _PerNamespace(Controller):
    """Keeps one object of a name in each namespace."""

    key, own = "", ""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {NAMESPACES: itself, self.key: self._of_own}

    def _of_own(self, change: Change) -> Iterable[Ref]:
        return (Ref(NAMESPACES, "", change.ref.namespace),) if change.ref.name == self.own else ()

    def content(self) -> Obj:
        """The object without its place."""
        raise NotImplementedError

    def reconcile(self, ref: Ref) -> None:
        """Create it when it is not there."""
        namespace = self.store.at(ref)
        if namespace is None or deleting(namespace) or self.store.get(self.key, ref.name, self.own) is not None:
            return
        obj = self.content()
        obj.setdefault("metadata", {}).update({"name": self.own, "namespace": ref.name})
        try:
            self.create(self.key, obj)
        except ApiError:
            self.retry(ref)
        else:
            self.forget(ref)


class DefaultAccounts(_PerNamespace):
    """The service account that pods have which name none."""

    name = "service-account-controller"
    key, own = ACCOUNTS, "default"

    def content(self) -> Obj:
        """Nothing but its name."""
        return {}


class RootCertificates(_PerNamespace):
    """The certificate that pods verify the API server with."""

    name = "root-ca-cert-publisher"
    key, own = CONFIG_MAPS, CA_NAME

    def content(self) -> Obj:
        """The certificate, with what it is for."""
        return {
            "metadata": {"annotations": {"kubernetes.io/description": DESCRIPTION}},
            "data": {CA_KEY: certificate(self)},
        }

    def reconcile(self, ref: Ref) -> None:
        """Create it, and put its content back when somebody changed it."""
        found = self.store.get(CONFIG_MAPS, ref.name, CA_NAME)
        data = {CA_KEY: certificate(self)}
        if found is not None and data[CA_KEY] and found.get("data") != data:
            self.edit(Ref(CONFIG_MAPS, ref.name, CA_NAME), lambda live: live.update({"data": data}))
            return
        super().reconcile(ref)


def certificate(controller: Controller) -> str:
    """The certificate of the cluster, as kube-system has it."""
    found = controller.store.get(CONFIG_MAPS, "kube-system", CA_NAME)
    text: str = ((found or {}).get("data") or {}).get(CA_KEY, "")
    return text


class Tokens(Controller):
    """Fills Secrets of the type of service account tokens, and removes those whose account is gone."""

    name = "token-controller"
    account = "tokens-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {"secrets": itself, ACCOUNTS: self._of_account}

    def _of_account(self, change: Change) -> Iterable[Ref]:
        if change.type == "MODIFIED":
            return ()
        return [
            Ref("secrets", change.ref.namespace, secret["metadata"]["name"])
            for secret in self.store.select("secrets", change.ref.namespace)
            if secret.get("type") == TOKEN_TYPE
            and (secret["metadata"].get("annotations") or {}).get(NAME_NOTE) == change.ref.name
        ]

    def reconcile(self, ref: Ref) -> None:
        """Write token, certificate and namespace into the Secret."""
        secret = self.store.at(ref)
        if secret is None or secret.get("type") != TOKEN_TYPE or deleting(secret):
            return
        notes = secret["metadata"].get("annotations") or {}
        account = self.store.get(ACCOUNTS, ref.namespace, notes.get(NAME_NOTE, ""))
        if account is None or notes.get(UID_NOTE, account["metadata"]["uid"]) != account["metadata"]["uid"]:
            self.delete(ref)
            return
        if (secret.get("data") or {}).get("token"):
            return
        token = self.api.access.sign(claims(account, secret, self.clock.now()))
        texts = {"token": token, "namespace": ref.namespace, CA_KEY: certificate(self)}
        data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}

        def change(live: Obj) -> None:
            live["metadata"].setdefault("annotations", {})[UID_NOTE] = account["metadata"]["uid"]
            live["data"] = {**(live.get("data") or {}), **data}

        self.edit(ref, change)


def claims(account: Obj, secret: Obj, now: float) -> Obj:
    """What a token in a Secret says; it lasts as long as the Secret."""
    meta = account["metadata"]
    return {
        "iss": ISSUER,
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        "exp": int(now) + LASTS,
        "kubernetes.io": {
            "namespace": meta["namespace"],
            "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
            "secret": {"name": secret["metadata"]["name"], "uid": secret["metadata"]["uid"]},
        },
    }
