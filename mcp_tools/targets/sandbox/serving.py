"""Serving a cluster on loopback: the socket, TLS, uvicorn; in this thread, or in one of its own.

TLS is needed though nothing leaves the machine: kubectl and Helm send a token over https alone (client-go's
``IsConfigTransportTLS``).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import logging
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mcp_tools.targets.sandbox import http, kubeconfig
from mcp_tools.targets.sandbox.kubeconfig import HOST, Address

if TYPE_CHECKING:
    import uvicorn

    from mcp_tools.targets.sandbox.cluster import Cluster

KEEP_ALIVE = 600
"""Seconds; shorter ones race with clients that reuse a connection for a write."""
LAST_WORDS = 0.2
"""Seconds that answers have to go out when the server stops; idle connections are closed after that."""
T = TypeVar("T")


def bound(port: int = 0) -> socket.socket:
    """A listening socket on loopback; on that port if it is free, otherwise on any."""
    for wanted in dict.fromkeys((port, 0)):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, wanted))
        except OSError:
            made.close()
            continue
        made.listen(128)
        made.setblocking(False)
        return made
    raise OSError("no port is free on 127.0.0.1")


def certificate() -> tuple[bytes, bytes]:
    """A new self-signed certificate for loopback and its key, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "longshore-sandbox")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in (HOST, "::1")]
    public = key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def server(app: http.Served, certificate_file: Path) -> uvicorn.Server:
    """The HTTP server; ``certificate_file`` has the certificate and the key."""
    import uvicorn

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of each upgrade that kubectl tries
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=2,
        ssl_certfile=str(certificate_file),
    )
    made = uvicorn.Server(config)

    def stop() -> None:
        made.should_exit = True
        app.close()
        asyncio.get_running_loop().call_later(LAST_WORDS, setattr, made, "force_exit", True)

    app.stop = stop
    return made


class Running:
    """A cluster that is served by a thread of its own; see :func:`running`."""

    def __init__(self, app: http.Served, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.app, self.address, self._loop = app, address, loop

    def call(self, action: Callable[[Cluster], T]) -> T:
        """Do something with the cluster on its thread, and let its controllers run; what it gives."""

        async def run() -> T:
            try:
                return action(self.app.cluster)
            finally:
                self.app.pump.wake()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)


@contextlib.contextmanager
def running(cluster: Cluster, folder: Path | None = None, **options: Any) -> Iterator[Running]:
    """Serve a cluster from a thread of its own while the block runs. Nobody else may touch the cluster meanwhile."""
    with contextlib.ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        public, private = certificate()
        kubeconfig.write_private(where / "tls.pem", public + private)
        token = secrets.token_urlsafe(24)
        app = http.app(cluster, token=token, **options)
        listening = bound()
        url = f"https://{HOST}:{listening.getsockname()[1]}"
        kubeconfig.write(where / "kubeconfig", url, token, public)
        made = server(app, where / "tls.pem")
        ready = threading.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            asyncio.get_running_loop().call_soon(ready.set)
            await made.serve(sockets=[listening])

        thread = threading.Thread(target=lambda: asyncio.run(serve()), name="sandbox", daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield Running(app, Address(url, token, where / "kubeconfig"), loops[0])
        finally:
            loops[0].call_soon_threadsafe(app.stop)
            thread.join(10)
            listening.close()
