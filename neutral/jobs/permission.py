"""Who may start runs: whoever sits at this machine, or all visitors where the server's owner said so."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping

from neutral.errors import NeutralError

VARIABLE = "NEUTRAL_RUNS"
"""Environment variable: `on` lets all visitors start runs, `off` nobody."""

_PROXIED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
"""What a proxy adds to what it passes on: then the server listens to this machine, and others come all the same."""


def is_local(address: str | None, headers: Mapping[str, str] | None = None) -> bool:
    """Whether only who sits at this machine reaches the server.

    `address` is what it listens to (`server.address`; None and "" are all addresses), `headers` are a request's, in
    which a proxy leaves its marks and other names of the server show.

    >>> is_local("localhost"), is_local("0.0.0.0"), is_local("localhost", {"X-Forwarded-For": "203.0.113.7"})
    (True, False, False)
    """
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    host = lower.get("host", "localhost")
    return _is_loopback(address or "") and _is_loopback(_name(host)) and not any(name in lower for name in _PROXIED)


def are_on(address: str | None, headers: Mapping[str, str] | None = None) -> bool:
    """Whether runs may be started from this request.

    Raises `NeutralError` for a NEUTRAL_RUNS that is neither on nor off.

    >>> are_on("0.0.0.0")
    False
    """
    said = _said()
    return said == "on" or (said == "" and is_local(address, headers))


def are_off() -> bool:
    """Whether nobody may start runs, wherever a request comes from. Raises as `are_on` does."""
    return _said() == "off"


def require(address: str | None, headers: Mapping[str, str] | None = None) -> None:
    """Raise `NeutralError` where runs may not be started, saying what to do."""
    if not are_on(address, headers):
        raise NeutralError(
            f"runs are off on this server, as others can reach it: who started it may set {VARIABLE}=on, or let it "
            "listen to localhost alone"
        )


def _said() -> str:
    said = os.environ.get(VARIABLE, "").strip().lower()
    if said not in ("", "on", "off"):
        raise NeutralError(f"{VARIABLE}: {said[:40]!r} is neither on nor off")
    return said


def _name(host: str) -> str:
    """Return the name in a Host header, without the port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host


def _is_loopback(name: str) -> bool:
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
