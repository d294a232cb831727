"""Which model answers: OpenAI's, one behind an OpenAI-compatible URL, or the offline planner, which needs none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.chat.config import ChatSettings, Price
from agent.chat.secrets import mask
from agent.problems import Problem
from agent.text import one_line

if TYPE_CHECKING:
    from agents import Model

__all__ = ["OFFLINE", "Choice", "choose", "trouble"]

OFFLINE = "offline planner"
RETRIES = 4
"""A request that failed before its answer began is made again so often, after the time that the server names."""
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 120.0


@dataclass(frozen=True)
class Choice:
    """A model. ``build`` is None for the offline planner."""

    name: str
    label: str
    build: Callable[[], Model] | None = None
    price: Price | None = None

    @property
    def offline(self) -> bool:
        """Whether it is the offline planner."""
        return self.build is None


def choose(
    settings: ChatSettings,
    *,
    model: str | None = None,
    base_url: str | None = None,
    api: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Choice:
    """The model that the flags, the settings and the environment name; the offline planner when none do.

    Raises:
        Problem: a key or the name of the model is missing.
    """
    name = model or settings.model
    if base_url and not model and settings.base_url != base_url:
        name = settings.model
    url = base_url or (settings.base_url if not (model and model == "offline") else "")
    key = environ.get(settings.api_key_env, "")
    if name == "offline" or not (name or url or key):
        return Choice("offline", OFFLINE)
    if url and not name:
        raise Problem(
            f"{_host(url)} serves several models", "none was named", "--model NAME, or LONGSHORE_MODEL", code="usage"
        )
    if not url and not key:
        raise Problem(
            f"{name} needs a key",
            f"{settings.api_key_env} is not set",
            f"set {settings.api_key_env}, or --base-url URL for a server of your own, or --model offline",
            code="usage",
        )
    spoken = api or settings.api or ("chat" if url else "responses")
    name = name or _default()
    label = f"{name} · {_host(url) if url else 'api.openai.com'}"
    return Choice(name, label, lambda: _build(name, url, key, spoken), settings.prices.get(name))


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _default() -> str:
    from agents.models.default_models import get_default_model

    return get_default_model()


def _build(name: str, url: str, key: str, api: str) -> Model:
    import httpx2
    from openai import AsyncOpenAI

    from agent.chat.strict import ChatModel, ResponsesModel

    timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    client = AsyncOpenAI(base_url=url or None, api_key=key or "none", max_retries=RETRIES, timeout=timeout)
    return ChatModel(name, client) if api == "chat" else ResponsesModel(name, client)


def trouble(error: Exception, label: str) -> Problem:
    """What went wrong with the model, for a person."""
    status = getattr(error, "status_code", None)
    why = one_line(mask(str(getattr(error, "message", "") or error)))[:300] or type(error).__name__
    if status == 401:
        return Problem(f"{label} refuses the key", why, "check the key, or --model offline")
    if status == 404:
        return Problem(f"{label} is not known there", why, "--model NAME")
    if status == 429:
        return Problem(f"{label} has too many requests", why, "wait a moment, then say “go on”")
    if status is not None:
        return Problem(f"{label} answered {status}", why, "say “go on”, or /model to choose another")
    return Problem(f"the answer of {label} did not come to its end", why, "say “go on”, or /model to choose another")
