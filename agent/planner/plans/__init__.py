"""Which calls a request takes, one plan per intent."""

from __future__ import annotations

from collections.abc import Callable

from agent.planner.job import Job, Plan
from agent.planner.plans import change, checks, deploy, health, images, look, talk

__all__ = ["plan_of"]

_PLANS: dict[str, Callable[[Job], Plan]] = {
    **talk.PLANS,
    **health.PLANS,
    **look.PLANS,
    **checks.PLANS,
    **deploy.PLANS,
    **images.PLANS,
    **change.PLANS,
}


def plan_of(job: Job) -> Plan:
    """The plan of a job: an act that is only spoken of is not carried out."""
    spoken = talk.spoken_of(job)
    return (spoken or _PLANS.get(job.request.intent, talk.unknown))(job)
