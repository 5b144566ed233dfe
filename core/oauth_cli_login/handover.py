"""The forms in which a token is handed to another program. Pure: what stands in the environment is an argument.

Invariants: a form is made of one token and nothing else of the session; what a shell evaluates is quoted, whatever the
token holds (RFC 6749 appendix A lets it hold every printable ASCII character, quotes among them).
"""

from __future__ import annotations

import shlex
import time
from typing import Literal

from oauth_cli_login.errors import ConfigError
from oauth_cli_login.protocol.body import parse_json
from oauth_cli_login.values import dataclass, field

Kind = Literal["access_token", "id_token"]

FORMATS = ("raw", "json", "header", "env", "kubernetes")

_EXEC_API = "client.authentication.k8s.io/"
_EXEC_VERSIONS = (_EXEC_API + "v1", _EXEC_API + "v1beta1")
_LAST_SECOND = 253402300799
"""The end of the year 9999: RFC 3339 knows no later one."""


@dataclass(frozen=True)
class Token:
    """A token to hand over. ``expires_at`` is in seconds since the epoch, 0 where nobody knows."""

    profile: str
    kind: Kind
    value: str = field(repr=False)
    token_type: str
    expires_at: int
    scopes: tuple[str, ...]


def document(token: Token) -> dict[str, object]:
    """Return the token and what is known of it as a JSON object; its kind is the name of its member."""
    return {
        "profile": token.profile,
        token.kind: token.value,
        "token_type": token.token_type,
        "expires_at": token.expires_at or None,
        "scopes": list(token.scopes),
    }


def header(token: Token) -> str:
    """Return the header that sends the token (RFC 6750 section 2.1), as one line."""
    return f"Authorization: {token.token_type} {token.value}"


def env(token: Token) -> str:
    """Return lines that a POSIX shell evaluates: the token and its end, exported; the end is empty where unknown.

    The names have no profile in them: ``OAUTH_CLI_…`` would be read back as a profile's settings.
    """
    name = f"OAUTH_{token.kind.upper()}"
    expires_at = token.expires_at or ""
    return f"export {name}={shlex.quote(token.value)}\nexport {name}_EXPIRES_AT={expires_at}"


def exec_credential(token: Token, *, api_version: str) -> dict[str, object]:
    """Return client-go's ExecCredential (client.authentication.k8s.io): kubectl keeps the token until its end."""
    status = {"token": token.value}
    if token.expires_at:
        status["expirationTimestamp"] = _rfc3339(token.expires_at)
    return {"apiVersion": api_version, "kind": "ExecCredential", "status": status}


def exec_api_version(exec_info: str | None) -> str:
    """Return the apiVersion that client-go asks for: ``exec_info`` is its KUBERNETES_EXEC_INFO, an ExecCredential.

    Without one it is v1. Raises ConfigError for another version than v1 and v1beta1, and for what is no such object.
    """
    if not exec_info:
        return _EXEC_VERSIONS[0]
    try:
        info = parse_json(exec_info.encode("utf-8"))
    except ValueError:
        info = None
    if not isinstance(info, dict) or info.get("kind") != "ExecCredential":
        raise ConfigError(
            "KUBERNETES_EXEC_INFO is set, but is not an ExecCredential in JSON",
            hint="kubectl sets it. Anywhere else, unset it: the answer is of version v1 then.",
        )
    version = info.get("apiVersion")
    if version not in _EXEC_VERSIONS:
        raise ConfigError(
            f"KUBERNETES_EXEC_INFO asks for the apiVersion {ascii(version)[:80]}, which oauth-cli does not speak",
            hint=f"Write apiVersion: {_EXEC_VERSIONS[0]} (or …/v1beta1) into the kubeconfig's exec section.",
        )
    return str(version)


def _rfc3339(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(seconds, _LAST_SECOND)))
