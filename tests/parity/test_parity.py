"""The sandbox gives back what a real cluster gave back.

Every case runs against a fresh sandbox and is compared with its recording. With a running cluster some of them, others
each day, are run there too, so that the recordings stay true. ``record.py`` writes the recordings.
"""

from __future__ import annotations

import datetime
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.parity import differences, sandbox, suite
from tests.parity.case import Case
from tests.parity.catalogue import CATALOGUE
from tests.parity.cluster import Cluster, of_kubeconfig
from tests.parity.compare import difference
from tests.parity.stage import run

CASES = suite.cases()
RECORDED = suite.recorded()
WORKERS = 4
SAMPLE = 10
ROOT = Path(__file__).resolve().parent.parent.parent
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")


class Runs:
    """The cases of this session, run ahead of the tests that look at them, some beside each other."""

    def __init__(self, wanted: list[Case], folder: Path) -> None:
        self._server = sandbox.served(folder / "server")
        self._cluster = self._server.__enter__()
        self._folder = folder
        self._pool = ThreadPoolExecutor(WORKERS)
        self._alone = ThreadPoolExecutor(1)
        together = {case.id: self._pool.submit(self._run, case) for case in wanted if not case.alone}
        alone = {
            case.id: self._alone.submit(self._last, case, list(together.values())) for case in wanted if case.alone
        }
        self._runs: dict[str, Future[suite.Outcome]] = together | alone

    def _run(self, case: Case) -> suite.Outcome:
        return run(case, self._cluster, self._folder / case.namespace)

    def _last(self, case: Case, others: list[Future[suite.Outcome]]) -> suite.Outcome:
        for other in others:
            other.exception()
        return self._run(case)

    def of(self, case: Case) -> suite.Outcome:
        """What the case gave back."""
        return self._runs[case.id].result(240)

    def close(self) -> None:
        """End what still runs, and the sandbox."""
        self._pool.shutdown(cancel_futures=True)
        self._alone.shutdown(cancel_futures=True)
        self._server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """The runs of the cases that this session has chosen."""
    names = {getattr(item, "callspec").params["name"] for item in request.session.items if _is_a_case(item)}
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{path}"
    made = Runs([CASES[name] for name in CASES if name in names], tmp_path_factory.mktemp("parity"))
    yield made
    made.close()
    os.environ["PATH"] = path


def _is_a_case(item: pytest.Item) -> bool:
    return getattr(item, "originalname", "") == "test_the_sandbox_answers_as_the_real_cluster_did"


@needs_kubectl
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [name for name in CASES if name in RECORDED])
def test_the_sandbox_answers_as_the_real_cluster_did(name: str, runs: Runs) -> None:
    seen, _ = runs.of(CASES[name])
    real, known = RECORDED[name], differences.of(name)
    for one in known:
        others = [other for other in known if other is not one]
        assert differences.without(real, others) != differences.without(seen, others), f"{one.name}: differs no more"
    said = difference(differences.without(real, known), differences.without(seen, known))
    assert not said, f"{name} differs\n{said}"


def test_there_are_enough_cases_and_each_is_recorded() -> None:
    assert len(RECORDED) >= 150
    assert not set(CASES) - set(RECORDED), "not recorded: run python -m tests.parity.record --missing"
    assert not set(RECORDED) - set(CASES), "recorded, but there is no such case"


def test_no_recording_was_cut_short() -> None:
    assert not [name for name, seen in RECORDED.items() if any(step["do"] == "stopped" for step in seen)]


def test_known_differences_are_few_named_once_and_in_the_documentation() -> None:
    page = (ROOT / "docs" / "sandbox-differences.md").read_text(encoding="utf-8")
    assert len(differences.KNOWN) <= 20
    for known in differences.KNOWN:
        assert set(known.cases) <= set(CASES), known.name
        assert known.name in page and known.why in page, f"docs/sandbox-differences.md: {known.name}"


def sample(day: int) -> list[Case]:
    """Some cases that are quick on a real cluster; others each day, until all had their turn."""
    quick = [case for case in CASES.values() if case.family not in ("fault", "workloads", "helm") and not case.alone]
    return [quick[(day * SAMPLE + number) % len(quick)] for number in range(SAMPLE)]


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_the_recordings_are_still_true(tmp_path: Path) -> None:
    kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    cluster: Cluster = of_kubeconfig("real", kubeconfig, "minikube")
    chosen = sample(datetime.datetime.now(datetime.UTC).toordinal())
    found = []
    for case, (seen, why) in suite.run_many(chosen, cluster, tmp_path, workers=3):
        said = why or difference(RECORDED[case.id], seen, "recorded", "now")
        if said:  # once more: a cluster that is busy may answer in another order, or late
            seen, why = run(case, cluster, tmp_path / "again" / case.namespace)
            said = why or difference(RECORDED[case.id], seen, "recorded", "now")
        if said:
            found.append(f"{case.id}\n{said}")
    assert not found, "\n".join(found)


def test_every_fault_of_the_catalogue_is_compared_or_said_not_to_be() -> None:
    assert sorted(CATALOGUE) == list(range(1, 104))
    named = {name for found in CATALOGUE.values() if isinstance(found, tuple) for name in found}
    assert named <= set(CASES)
    assert {name for name in CASES if name.startswith(("trouble/", "node/"))} <= named
