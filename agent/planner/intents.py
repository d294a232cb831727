"""What people ask for, as one table: the concepts that a request has in it; the first line that fits wins.

A line reads: intent, the concepts that must be there, ``-`` those that must not. ``X*`` is the act X in any form.
THING is a name, NUMBER a number, POD a pod's name, KIND a Kubernetes kind; SECRET, PODS, NODES are kinds of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

__all__ = ["ACT_RULES", "CHANGES", "READ_RULES", "intent_of"]

# Requests to do something: the act stands where a request has its verb.
ACT_RULES = """
bypass           BYPASS
unknown          OFFTOPIC
cluster_delete   UNINSTALL CLUSTER -THING
cluster_delete   DELETE CLUSTER -THING
cluster_start    START CLUSTER
cluster_start    DEPLOY CLUSTER -APP -THING
cluster_start    RESTART CLUSTER -THING -POD
apply            STOP CLUSTER
undo             UNDO
abort            ABORT
abort            STOP RUN
plan             DEPLOY PLAN
plan             GENERATE PLAN
resume           RESUME
secrets          ENSURE SECRET
secrets          GENERATE SECRET
secrets          FIX SECRET
secrets          ENSURE MISSING
dockerfile       GENERATE DOCKERFILE
chart            GENERATE CHART
logs             GENERATE LOG
report           GENERATE REPORT
rollback         ROLLBACK
load             LOAD -KIND
build            BUILD
fix              FIX
restart          RESTART
apply            SCALE TOP -NUMBER
scale            SCALE REPLICA
scale            SCALE PODS
scale            SCALE THING
scale            SCALE NUMBER
scale            SCALE UP
scale            SCALE DOWN
scale            SCALE -ENV -TOP -KIND -WORDS
delete           STOP POD
delete           STOP PODS
delete           DELETE POD
delete           DELETE KIND
delete           UNINSTALL POD
delete           UNINSTALL KIND -THING -APP
uninstall        UNINSTALL
uninstall        DELETE
stop             STOP
start            START
deploy           DEPLOY
deploy           UPGRADE
scale            APPLY REPLICA
scale            APPLY PODS NUMBER
apply            APPLY
apply            SCALE
apply            GENERATE
"""

# Questions and requests to look.
READ_RULES = """
recap            RECAP -WHY -WRONG -THING
bypass           BYPASS
unknown          OFFTOPIC -LOG -THING
pull_secrets     PULLSECRET
env              SECRETVALUE SAME
secret_value     SECRETVALUE -WHY -WRONG -ENV
shell            SHELL
persistence      PERSISTENCE
constitution     CONSTITUTION
triggers         TRIGGER
security         SECURITY
connectivity     CONNECTIVITY
impact           ROLLBACK* IMPACT
plan             PLAN -WRONG
plan             DEPLOYMENT WOULD -THING -WRONG
impact           IMPACT
logs             LOG -EVENT
events           EVENT
events           WARNING
lint             LINT -PODS
test             TEST -CHATBOT -AUTH -ENDPOINT -ENV -ENVIRONMENT
template         TEMPLATE
yaml             YAML
endpoints        ENDPOINT
auth             AUTH -IMAGE
environment      ENVIRONMENT -THING -POD -ENV -PODS
env              ENV
env              ENVIRONMENT
stage            STAGE
run_status       WHY DEPLOY* WRONG
run_status       WHY DEPLOY*
run_status       WHY RUN WRONG
run_status       RUN WRONG
run_status       WHY DEPLOYMENT WRONG -THING -PODS
run_status       DEPLOYMENT STATUS -THING -PODS -SHOW
run_status       RUN STATUS
run_status       DEPLOY STATUS -THING
run_status       DEPLOY+ING STATUS -THING
run_status       DEPLOY HEALTH -THING
diagnose         WHY WRONG
diagnose         DIAGNOSE
problems         KIND WRONG SHOW -THING
problems         KIND WRONG WHICH -THING
chat             CHATBOT -IMAGE
history          DEPLOY+ED WHEN
history          RESTART* WHEN
history          ROLLBACK* WHEN
history          WHO DEPLOY*
history          WHO SCALE*
history          WHO RESTART*
history          WHO THING
history          HISTORY -WRONG
diagnose         WHY THING
diagnose         WHY POD
diagnose         WHY HEALTH
diagnose         WHY STATUS
diagnose         WHY RESTART*
diagnose         WHY KIND
diagnose         WHY SCALE*
explain          EXPLAIN
explain          WHY
usage            TOP
diff             DIFF
history          HISTORY
report           REPORT
image_inspect    IMAGE DESCRIBE
image_inspect    IMAGE VERIFY
images           IMAGE -WRONG
releases         RELEASE SHOW -WRONG -THING
releases         RELEASE STATUS -THING
get              DESCRIBE KIND -THING -POD -HEALTH
describe         DESCRIBE
diagnose         WRONG
analyze          ANALYZE
about            USERS
cluster          CLUSTER HEALTH
cluster          CLUSTER STATUS -PODS
status           RELEASE THING
get              KIND -HEALTH
get              KIND
health           HEALTH
releases         RELEASE
run_status       RUN SHOW
status           STATUS
logs             ERROR
cluster          CLUSTER
run_status       RUN
get              SHOW APP
status           SHOW THING
"""

CHANGES = frozenset(line.split()[0] for line in ACT_RULES.strip().splitlines()) - {
    "plan",
    "logs",
    "report",
    "unknown",
    "bypass",
}
"""Intents that can change something: carried out only when they are asked for, never out of a question."""


@cache
def _parsed(rules: str) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    found = []
    for line in rules.strip().splitlines():
        intent, *terms = line.split()
        needed = frozenset(term for term in terms if not term.startswith("-"))
        barred = frozenset(term[1:] for term in terms if term.startswith("-"))
        found.append((intent, needed, barred))
    return tuple(found)


def intent_of(rules: str, concepts: Iterable[str]) -> str:
    """The first intent that the concepts fit; empty when there is none."""
    there = frozenset(concepts)
    for intent, needed, barred in _parsed(rules):
        if needed <= there and not barred & there:
            return intent
    return ""
