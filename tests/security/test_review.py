"""Attacks that a review of the code tried: each was possible once, and is a test now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mcp_tools import library
from mcp_tools.catalog import Observation
from mcp_tools.effects import Effect
from mcp_tools.engines import kube_kinds
from mcp_tools.engines.helm import Chart, HelmEngine, Render
from mcp_tools.engines.helm_records import Release
from mcp_tools.engines.powers import powers
from mcp_tools.errors import Conflict, NotFound, Refused, StaleConfirmation, UsageError
from mcp_tools.guard.permit import issue
from mcp_tools.tools import helm_check, helm_install, kubectl_change

library.load()
SPACE = "shop"


class Cluster:
    """Objects by kind and name; server-side apply gives the wanted object back."""

    context, kubeconfig = "test", None

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = {(o["kind"], o["metadata"]["name"]): o for o in objects}

    async def kind_of(self, api: str, kind: str) -> kube_kinds.Kind:
        found = kube_kinds.known(api, kind)
        if found is None:
            raise NotFound(f"no kind {kind}")
        return found

    async def get(self, api: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        return self.objects.get((kind, name))

    async def dry_run(self, manifest: Mapping[str, Any], force: bool = False) -> dict[str, Any]:
        return dict(manifest)


def thing(kind: str, name: str, api: str = "v1", **more: Any) -> dict[str, Any]:
    meta = {"name": name, **more.pop("meta", {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **more}


def pod(**spec: Any) -> dict[str, Any]:
    return thing("Pod", "p", spec={"containers": [{"name": "c", "image": "i:1"}], **spec})


def hook(kind: str, name: str, event: str = "pre-install", api: str = "v1") -> dict[str, Any]:
    return thing(kind, name, api, meta={"annotations": {"helm.sh/hook": event}})


PLAIN = [
    pod(),
    thing("ConfigMap", "c"),
    thing("Namespace", "new"),
    thing("Deployment", "d", "apps/v1", spec={"template": {"spec": {"serviceAccountName": "mine"}}}),
    thing("ServiceAccount", "mine"),
]
POWERFUL = {
    "privileged": pod(containers=[{"name": "c", "securityContext": {"privileged": True}}]),
    "host disk": pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
    "host network": pod(hostNetwork=True),
    "privileged controller": thing(
        "ReplicationController",
        "r",
        spec={"template": {"spec": {"containers": [{"name": "c", "securityContext": {"privileged": True}}]}}},
    ),
    "account": pod(serviceAccountName="admin"),
    "data": pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data-postgres-0"}}]),
    "role": thing("Role", "r", "rbac.authorization.k8s.io/v1"),
    "binding": thing("RoleBinding", "r", "rbac.authorization.k8s.io/v1"),
    "cluster binding": thing("ClusterRoleBinding", "r", "rbac.authorization.k8s.io/v1"),
    "definition": thing("CustomResourceDefinition", "r", "apiextensions.k8s.io/v1"),
    "webhook": thing("MutatingWebhookConfiguration", "w", "admissionregistration.k8s.io/v1"),
    "volume": thing("PersistentVolume", "v", spec={"hostPath": {"path": "/"}}),
    "system": thing("ConfigMap", "coredns", meta={"namespace": "kube-system"}),
    "elsewhere": thing("ConfigMap", "c", meta={"namespace": "other"}),
    "token": thing("Secret", "t", type="kubernetes.io/service-account-token"),
    "release record": thing("Secret", "t", type="helm.sh/release.v1"),
    "autoscaler": thing(
        "HorizontalPodAutoscaler", "h", "autoscaling/v2", spec={"scaleTargetRef": {"kind": "Deployment", "name": "db"}}
    ),
}


def call_on(cluster: Cluster, tmp_path: Path, helm: Any = None) -> Any:
    async def progress(done: float, total: float | None, message: str) -> None:
        return None

    return SimpleNamespace(
        world=SimpleNamespace(kube=cluster, helm=helm),
        workspace=tmp_path,
        path=lambda text: tmp_path / text,
        progress=progress,
        permit=issue(tool="test", effect=Effect.CREATE, call_id="test"),
        observation=None,
    )


def release(revision: int, status: str, objects: list[dict[str, Any]], hooks: list[dict[str, Any]] = []) -> Release:  # noqa: B006
    text = "\n---\n".join(json.dumps(item) for item in objects)
    texts = tuple(json.dumps(item) for item in hooks)
    return Release("web", SPACE, revision, status, "", "", "web", "1", "", text, texts, {}, "", f"uid-{revision}")


class Helm:
    """Helm with a given history, whose chart renders to the given objects."""

    def __init__(self, kube: Any, history: list[Release], objects: list[Any], hooks: list[Any] | None = None) -> None:
        self.kube, self.past = kube, history
        self.rendered = Render(objects, hooks or [], "web", "1", SPACE)
        self.later = self.rendered
        self.deployed = False

    async def history(self, name: str, namespace: str) -> list[Release]:
        return self.past

    async def render(self, *args: Any, **kwargs: Any) -> Render:
        return self.rendered

    async def deploy(self, *args: Any, accept: Any = None, **kwargs: Any) -> None:
        if accept is not None:
            await accept(self.later)
        self.deployed = True


def install(helm: Helm, tmp_path: Path, observe: Any = helm_install.observe_install) -> Observation:
    args = helm_install.HelmDeployInput(release="web", chart="web", namespace=SPACE)
    seen: Observation = asyncio.run(observe(args, call_on(helm.kube, tmp_path, helm)))
    return seen


# -- what creates, and what is more than that ---------------------------------------------------------------------


def test_plain_additions_pass() -> None:
    assert asyncio.run(powers(Cluster(), PLAIN, SPACE)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("what", POWERFUL)
def test_power_is_asked_for_even_when_it_is_new(what: str, tmp_path: Path) -> None:
    item = POWERFUL[what]
    assert asyncio.run(powers(Cluster(), [item], SPACE))  # type: ignore[arg-type]
    space = (item["metadata"].get("namespace")) or SPACE
    if what in ("webhook", "elsewhere"):
        return
    args = kubectl_change.KubectlApplyInput(manifest=json.dumps(item), namespace=space)
    seen = asyncio.run(kubectl_change.observe_apply(args, call_on(Cluster(), tmp_path)))
    assert seen.effect is Effect.CHANGE, what


@pytest.mark.parametrize("what", POWERFUL)
def test_a_chart_gives_no_power_without_a_question(what: str, tmp_path: Path) -> None:
    helm = Helm(Cluster(), [], [POWERFUL[what]])
    with pytest.raises(Conflict, match="has to say yes"):
        install(helm, tmp_path)
    assert install(helm, tmp_path, helm_install.observe_upgrade).effect is Effect.CHANGE
    assert install(Helm(Cluster(), [], PLAIN), tmp_path).effect is Effect.CREATE


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "Namespace", "Deployment"])
def test_a_hook_deletes_nothing_of_others(kind: str, tmp_path: Path) -> None:
    """Helm deletes what has the kind and name of a hook, whoever made it, before it runs the hook."""
    api = "apps/v1" if kind == "Deployment" else "v1"
    cluster = Cluster(thing(kind, "precious", api))
    with pytest.raises(Refused, match="would delete"):
        install(Helm(cluster, [], PLAIN, [hook(kind, "precious", api=api)]), tmp_path, helm_install.observe_upgrade)
    made = [release(1, "deployed", PLAIN, [hook(kind, "precious", "test", api)])]
    args = helm_check.HelmTestInput(release="web", namespace=SPACE)
    with pytest.raises(Refused, match="would delete"):
        asyncio.run(helm_check.observe_test(args, call_on(cluster, tmp_path, Helm(cluster, made, []))))


def test_an_earlier_run_of_a_hook_may_be_replaced(tmp_path: Path) -> None:
    cluster = Cluster(hook("Pod", "web-test", "test"))
    seen = install(Helm(cluster, [], PLAIN, [hook("Pod", "web-test", "test")]), tmp_path)
    assert seen.effect is Effect.CREATE


def test_a_release_without_a_deployed_revision_is_no_new_one(tmp_path: Path) -> None:
    """A rollback that failed leaves none, and the application runs all the same."""
    history = [release(1, "superseded", PLAIN), release(2, "superseded", PLAIN), release(3, "failed", PLAIN)]
    helm = Helm(Cluster(), history, [thing("ConfigMap", "c", data={"a": "1"})])
    seen = install(helm, tmp_path, helm_install.observe_upgrade)
    assert seen.effect is Effect.CHANGE and "Deployment/d" in seen.preview.lost
    same = install(Helm(Cluster(), history, PLAIN), tmp_path, helm_install.observe_upgrade)
    assert not same.done and same.effect is Effect.CHANGE


def test_a_failed_installation_is_not_replaced_by_less_without_a_question(tmp_path: Path) -> None:
    history = [release(1, "failed", PLAIN)]
    again = install(Helm(Cluster(), history, PLAIN), tmp_path, helm_install.observe_upgrade)
    less = install(Helm(Cluster(), history, PLAIN[:2]), tmp_path, helm_install.observe_upgrade)
    assert (again.effect, less.effect) == (Effect.CREATE, Effect.CHANGE)


@pytest.mark.parametrize("running", [False, True])
def test_a_chart_that_changes_after_it_was_looked_at_is_not_deployed(running: bool, tmp_path: Path) -> None:
    history = [release(1, "deployed", PLAIN)] if running else []
    helm = Helm(Cluster(), history, [*PLAIN, thing("ConfigMap", "more")])
    call = call_on(helm.kube, tmp_path, helm)
    args = helm_install.HelmDeployInput(release="web", chart="web", namespace=SPACE, wait_seconds=0)
    call.observation = asyncio.run(helm_install.observe_upgrade(args, call))
    assert call.observation.effect is (Effect.CHANGE if running else Effect.CREATE)
    helm.later = replace(helm.rendered, objects=[POWERFUL["privileged"]])
    with pytest.raises(StaleConfirmation):
        asyncio.run(helm_install.helm_upgrade(args, call))
    assert not helm.deployed


# -- charts: what is read ---------------------------------------------------------------------------------------


def chart(folder: Path, **extra: str) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n" + extra.get("more", ""))
    (folder / "templates" / "c.yaml").write_text(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: {{ .Files.Get "shared/key" | quote }}}\n'
    )
    return folder


def test_a_link_behind_a_link_does_not_lead_out_of_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "root"
    made = chart(root / "web")
    (tmp_path / "outside").write_text("the-key-of-the-user")
    (root / "shared").mkdir()
    (root / "shared" / "key").symlink_to(tmp_path / "outside")
    (made / "shared").symlink_to(root / "shared")
    with pytest.raises(UsageError, match="leads out"), Chart(made, root).stage():
        pass
    (root / "shared" / "key").unlink()
    (made / "shared").unlink()
    (made / "shared").symlink_to(made)
    with pytest.raises(UsageError, match="leads back"), Chart(made, root).stage():
        pass


def test_what_was_staged_is_what_is_used(tmp_path: Path) -> None:
    made, values = chart(tmp_path / "web"), tmp_path / "v.yaml"
    values.write_text("a: 1\n")
    with Chart(made, tmp_path, [values]).stage() as staged:
        values.write_text("a: 2\n")
        assert Path(staged.value_args[-1]).read_text() == "a: 1\n"
    (tmp_path / "out.yaml").symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="leads out"), Chart(made, tmp_path, [tmp_path / "out.yaml"]).stage():
        pass


def test_no_dependency_is_fetched_beside_a_local_one(tmp_path: Path) -> None:
    chart(tmp_path / "common")
    more = (
        "dependencies:\n  - {name: common, version: 0.1.0, repository: 'file://../common'}\n"
        "  - {name: evil, version: 0.1.0, repository: 'https://evil.example/charts'}\n"
    )
    made = chart(tmp_path / "web", more=more)
    (made / "charts" / "evil").mkdir(parents=True)
    with pytest.raises(UsageError, match="comes from elsewhere"), Chart(made, tmp_path).stage():
        pass


def test_definitions_that_no_preview_shows_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    async def helm(self: Any, words: list[str], **options: Any) -> Any:
        seen.append(words)

    monkeypatch.setattr(HelmEngine, "_helm", helm)
    permit = issue(tool="test", effect=Effect.CREATE, call_id="test")
    engine = HelmEngine(Cluster())  # type: ignore[arg-type]
    made = Chart(chart(tmp_path / "web"), tmp_path)
    asyncio.run(engine.deploy("web", made, SPACE, permit=permit, effect=Effect.CREATE))
    assert "--skip-crds" in seen[-1]
