"""`python -m todo_backend`: serve on every interface until SIGTERM."""

import signal
import sys

from .common import logs
from .settings import Settings, SettingsError


def main() -> None:
    """Start the server; exits with 1 and one line when the environment is not complete."""
    # Process 1 of a container ignores SIGTERM until there is a handler; uvicorn sets its own only later.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        sys.exit(f"todo-backend cannot start: {error}")
    import uvicorn

    from .api.health import SERVICE
    from .app import create_app

    app = create_app(settings)
    logs.configure(SERVICE, settings.secrets, settings.log_level)
    uvicorn.run(
        app, host="0.0.0.0", port=settings.port, log_config=None, timeout_graceful_shutdown=5, server_header=False
    )


if __name__ == "__main__":
    main()
