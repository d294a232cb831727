"""The seven stages as data, the engine that runs them, the constitution and the skills.

Imports no tool: the engine is given a tool caller and a store.
"""

from playbooks.engine import Engine
from playbooks.errors import PlaybookError, StepDeclined, StepError, StepWaits
from playbooks.events import Event
from playbooks.loader import names, playbook
from playbooks.protocols import RunStore, StepResult, ToolCaller
from playbooks.schema import Playbook, Stage, Step
from playbooks.state import Run, StepRecord

__all__ = [
    "Engine",
    "Event",
    "Playbook",
    "PlaybookError",
    "Run",
    "RunStore",
    "Stage",
    "Step",
    "StepDeclined",
    "StepError",
    "StepRecord",
    "StepResult",
    "StepWaits",
    "ToolCaller",
    "names",
    "playbook",
]
