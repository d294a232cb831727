"""The sandbox as a cluster that cases run against: served from a thread, with the image that the real node has.

``python -m tests.parity.sandbox [WORD …]`` runs the cases whose ids contain a word and prints what differs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.cluster import Cluster as Sandbox
from mcp_tools.targets.sandbox.serving import running
from tests.parity import suite
from tests.parity.cluster import Cluster, of_kubeconfig
from tests.parity.compare import difference, short
from tests.parity.manifests import IMAGE

SPEED = 12.0
"""A back-off of ten seconds still is long enough to be seen."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Cluster]:
    """A fresh sandbox while the block runs."""
    sandbox = Sandbox.fresh(clock=Clock(real=True, speed=SPEED))
    sandbox.images.add(sandbox.images.pull(IMAGE).image)
    folder.mkdir(parents=True, exist_ok=True)
    with running(sandbox, folder) as run:
        address = run.address
        yield of_kubeconfig("sandbox", Path(address.kubeconfig), "sandbox", speed=SPEED)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--show", action="store_true", help="print what came back instead of what differs")
    parser.add_argument("--short", action="store_true", help="a line for each step that differs")
    args = parser.parse_args()
    known = suite.recorded()
    chosen = [c for c in suite.cases().values() if not args.words or any(w in c.id for w in args.words)]
    same = 0
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "server") as cluster:
        for case, (seen, why) in suite.run_many(chosen, cluster, Path(folder) / "cases", workers=args.workers):
            real = known.get(case.id)
            if args.show or real is None:
                said = difference([], seen, limit=args.lines) if args.show else why
            elif args.short:
                said = "\n".join(short(case.id, real, seen))
            else:
                said = difference(real, seen, limit=args.lines)
            same += not said
            if said:
                print(said if args.short else f"DIFFERS {case.id}\n{said}", flush=True)
    print(f"{len(chosen)} cases, {same} the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
