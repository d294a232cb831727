"""The work between requests: slices, timers, and what happens when something fails."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from mcp_tools.targets.sandbox import http, serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster
from mcp_tools.targets.sandbox.pump import SLICE, Pump
from mcp_tools.targets.sandbox.store import Change, Ref
from tests.targets.sandbox.asking import Asking


class Counting:
    """A controller that counts, and has one more object to look at as long as there are any."""

    name = "counting"

    def __init__(self) -> None:
        self.seen = 0

    def interested(self, change: Change) -> list[Ref]:
        return []

    def reconcile(self, ref: Ref) -> None:
        self.seen += 1


async def until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it does not come true"
        await asyncio.sleep(0.005)


def real() -> Cluster:
    cluster = Cluster.fresh(clock=Clock(real=True, speed=20))
    cluster.run_pending()
    return cluster


def test_controllers_work_in_slices_and_each_is_saved() -> None:
    cluster, counting, saves = real(), Counting(), []
    cluster.manager.add([counting])
    for number in range(SLICE * 3):
        cluster.manager.enqueue(counting, Ref("pods", "", str(number)))

    async def run() -> None:
        pump = Pump(cluster, lambda: saves.append(counting.seen))
        pump.start()
        await until(lambda: counting.seen == SLICE * 3)
        pump.stop()

    asyncio.run(run())
    assert saves[:2] == [SLICE, SLICE * 2]


def test_a_timer_that_fails_does_not_stop_the_cluster() -> None:
    cluster, made = real(), []
    cluster.clock.after(0.0, lambda: 1 / 0)
    cluster.clock.after(0.1, lambda: made.append(True))

    async def run() -> None:
        pump = Pump(cluster, lambda: None)
        pump.start()
        await until(lambda: made)
        pump.stop()

    asyncio.run(run())


def test_an_answer_goes_out_before_the_controllers_run() -> None:
    cluster = real()
    served = http.app(cluster)
    ask = Asking(served)

    async def run() -> str:
        served.pump.start()
        path = "/apis/apps/v1/namespaces/default/deployments"
        container = {"name": "a", "image": "nginx:1.27"}
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}
        made = await ask.later("POST", path, body)
        await until(lambda: cluster.store.get("deployments.apps", "default", "x")["status"].get("readyReplicas"))
        served.close()
        return str(made.json["status"])

    assert asyncio.run(run()) == "{}"


def test_a_write_that_cannot_be_saved_is_not_acknowledged() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    ask = Asking(http.app(real(), saved=full))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    got = ask("POST", "/api/v1/namespaces/default/configmaps", body)
    assert got.code == 500 and "No space left on device" in got.json["message"]


def test_two_clusters_are_served_side_by_side() -> None:
    with serving.running(real()) as one, serving.running(real()) as two:
        assert one.address.url != two.address.url
        one.call(lambda cluster: cluster.store.put("configmaps", {"metadata": {"name": "x", "uid": "1"}}))
        assert two.call(lambda cluster: cluster.store.get("configmaps", "", "x")) is None


def test_the_port_that_is_asked_for_is_given_when_it_is_free() -> None:
    first = serving.bound()
    port = first.getsockname()[1]
    other = serving.bound(port)
    assert other.getsockname()[1] != port
    other.close()
    first.close()
    again = serving.bound(port)
    assert again.getsockname() == ("127.0.0.1", port)
    again.close()
