"""A certificate authority and one certificate for 127.0.0.1 and localhost, by the openssl program; for tests only."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.server import program


class Certificates:
    """Files `ca`, `cert` and `key`; the certificate serves server and client. `stranger_ca` signed nothing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        self.stranger_ca = folder / "stranger.pem"
        _self_signed(self.ca, folder / "ca.key", name="storehand tests")
        _self_signed(self.stranger_ca, folder / "stranger.key", name="a stranger")
        names = folder / "names.cnf"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        request = folder / "request.pem"
        _openssl("req", "-newkey", *_KEY, "-nodes", "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", folder / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", names, "-out", self.cert,
        )  # fmt: skip
        for file in folder.iterdir():
            file.chmod(0o644)  # the server may run as another user


_KEY = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def _self_signed(cert: Path, key: Path, *, name: str) -> None:
    _openssl(
        "req", "-x509", "-newkey", *_KEY, "-nodes", "-days", "2", "-keyout", key, "-out", cert, "-subj", f"/CN={name}"
    )


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([program("openssl"), *map(str, arguments)], check=True, capture_output=True)
