"""One JSON object per event on stdout, with tokens and secrets taken out."""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
DSN = re.compile(r"\b(postgres(?:ql)?(?:\+\w+)?://)[^\s\"']+")
PROBES = re.compile(r'"GET /(health|ready) ')


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON line and replaces every known secret by `***`."""

    def __init__(self, service: str, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._service = service
        self._secrets = sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True)

    def redact(self, text: str) -> str:
        """`text` without tokens, database addresses and the secrets of this service."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return DSN.sub(r"\1***", TOKEN.sub("***", text))

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": self.redact(record.getMessage()),
        }
        if record.exc_info:
            event["exception"] = self.redact(self.formatException(record.exc_info))
        return json.dumps(event, ensure_ascii=False)


def skip_good_probes(record: logging.LogRecord) -> bool:
    """Keep the access log readable: a probe that was answered with 200 is no event."""
    line = record.getMessage()
    return not (PROBES.search(line) and line.endswith(" 200"))


def configure(service: str, secrets: Iterable[str] = (), level: str = "INFO") -> None:
    """Send every logger of the process to stdout through `JsonFormatter`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "mcp", "openai", "openai.agents"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(skip_good_probes)
