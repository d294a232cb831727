"""Record what a real cluster gives back: ``python -m tests.parity.record [--only WORD …] [--missing] [--check]``.

Runs the cases against a context of the kubeconfig (``minikube``), each in a namespace of its own that is removed
afterwards, and writes recorded/<family>.json. A case that did not come to its end is told and not written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.parity import suite
from tests.parity.cluster import of_kubeconfig
from tests.parity.compare import difference


def write(found: dict[str, list[dict[str, Any]]]) -> None:
    """Put what was found into the recordings, each family into its file, in order."""
    every = suite.cases()
    for family in {name.partition("/")[0] for name in found}:
        entries = {
            n: seen for n, seen in (suite.recorded() | found).items() if n.startswith(f"{family}/") and n in every
        }
        lines = [
            f"{json.dumps(name.partition('/')[2])}: {json.dumps(seen, ensure_ascii=False)}"
            for name, seen in sorted(entries.items())
        ]
        suite.RECORDED.mkdir(exist_ok=True)
        (suite.RECORDED / f"{family}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--context", default="minikube")
    parser.add_argument("--only", nargs="*", default=[], help="words that the ids of the cases contain")
    parser.add_argument("--missing", action="store_true", help="only what is not recorded yet")
    parser.add_argument("--check", action="store_true", help="compare with the recordings instead of writing them")
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=30, help="begin no case after that time")
    args = parser.parse_args()
    kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    cluster = of_kubeconfig("real", kubeconfig, args.context)
    known = suite.recorded()
    every = suite.cases()
    chosen = [c for c in every.values() if not args.only or any(word in c.id for word in args.only)]
    if args.missing:
        chosen = [c for c in chosen if c.id not in known]
    end, failed = time.monotonic() + args.minutes * 60, 0
    with tempfile.TemporaryDirectory() as folder:
        for case, (seen, why) in suite.run_many(chosen, cluster, Path(folder), workers=args.workers, end=end):
            if why:
                print(f"{case.id}: {why}"[:600], flush=True)
            elif args.check and (said := difference(known.get(case.id, []), seen, "recorded", "now")):
                print(f"{case.id}:\n{said}", flush=True)
            failed += bool(why or (args.check and known.get(case.id) != seen))
            if not why and not args.check:
                write({case.id: seen})
    print(f"{len(chosen)} cases, {failed} not as they should be", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
