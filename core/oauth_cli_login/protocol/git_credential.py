"""Git's credential protocol as a helper sees it: what git asks, whose token may answer, and the answer.

Sources: git-credential(1), "Input/output format", and gitcredentials(7), "Custom helpers".

Invariants:

- A line ends with a line feed and with nothing else. A carriage return or a NUL anywhere refuses the whole request:
  where git and its helper disagree on where a line ends, a URL can name one host to git and another to the helper
  (CVE-2024-50338, CVE-2024-53858).
- A token answers for the origin that it belongs to, compared whole: scheme, host and port. Over http it is this
  machine or nobody.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence

from oauth_cli_login.errors import ProtocolError, UsageError
from oauth_cli_login.model import Session
from oauth_cli_login.protocol.url import check_endpoint, origin_of
from oauth_cli_login.values import dataclass, field

MAX_BYTES = 64 * 1024
"""More than any request: the longest part is what the server's WWW-Authenticate headers said."""

Origin = tuple[str, str, int]
"""Scheme, host in lower case, port."""

ANYBODY = "oauth2"
"""The user name beside a token. GitLab wants this one; GitHub, Gitea and others look at the token alone."""

_ANYBODY = frozenset({"", ANYBODY, "git", "x-access-token", "x-oauth-basic", "x-token-auth"})
"""What stands for no account in particular: the names that servers document for a token."""

_HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
_COMMAND = "git-credential"


@dataclass(frozen=True)
class CredentialRequest:
    """What git knows of the credential; what it does not know is ``""``.

    ``origin`` is ``None`` where no token may go at all. ``owner`` is the first part of the path, which git tells only
    with ``credential.useHttpPath``.
    """

    origin: Origin | None
    owner: str
    username: str
    password: str = field(repr=False)

    @property
    def names_somebody(self) -> bool:
        """Tell whether the user name is that of an account."""
        return self.username not in _ANYBODY


def parse_request(data: bytes) -> CredentialRequest:
    """Return what git wrote, up to the blank line or the end; UsageError where it is no such thing.

    Unknown attributes are passed over, as the protocol asks for; so are those with several values (``capability[]``,
    ``wwwauth[]``, ``state[]``): this helper answers with a user name and a password, which needs no capability.
    """
    if len(data) > MAX_BYTES:
        raise _malformed("it is longer than 64 KiB")
    if b"\r" in data or b"\0" in data:
        raise _malformed("a line holds a carriage return or a NUL")
    known: dict[str, str] = {}
    for line in data.split(b"\n"):
        if not line:
            break
        name, separator, value = line.decode("utf-8", "surrogateescape").partition("=")
        if not separator or not name:
            raise _malformed("a line is not key=value")
        if name in known and not name.endswith("[]"):
            raise _malformed("an attribute stands there twice")
        known[name] = value
    return CredentialRequest(
        origin=origin(known.get("protocol", ""), known.get("host", "")),
        owner=known.get("path", "").strip("/").partition("/")[0],
        username=known.get("username", ""),
        password=known.get("password", ""),
    )


def _malformed(why: str) -> UsageError:
    return UsageError(f"git's request is left unanswered: {why}", hint="Look at the URL that git was given.")


def origin(protocol: str, host: str) -> Origin | None:
    """Return where a token goes with this protocol and host (``HOST`` or ``HOST:PORT``); ``None``: it may not."""
    if protocol not in ("https", "http") or not host.isascii() or not _HOST.fullmatch(host.lower()):
        return None
    host = host.lower()
    try:
        return origin_of(check_endpoint("host", f"{protocol}://{host}"))
    except ProtocolError:
        return None


def origin_of_address(address: str) -> Origin | None:
    """Return the origin of ``HOST[:PORT]``, which is https, or of ``http://`` or ``https://`` and a host; else None."""
    scheme, separator, host = address.rpartition("://")
    return origin(scheme.lower() if separator else "https", host)


def origin_of_session(session: Session) -> Origin | None:
    """Return where a session's token may go by itself: to the server that gave it, by its issuer where it has one."""
    url = session.issuer or session.token_endpoint
    return origin_of(url) if url else None


def address_of(place: Origin) -> str:
    """Return an origin as git's configuration spells it: ``https://HOST``, with the port where it is not the usual."""
    scheme, host, port = place
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}" + ("" if port == (443 if scheme == "https" else 80) else f":{port}")


def covers(section: str, place: Origin) -> bool:
    """Tell whether ``credential.SECTION.…`` of git's configuration can be about an origin (git-config, http.<url>.*).

    Letters count as equal whatever their case, ``*`` stands for one part of the host, and a path narrows it further.
    """
    scheme, _, rest = section.lower().partition("://")
    address, _, rest = rest.partition("/")[0].rpartition("@")[2].rpartition("]")  # IPv6 stands in brackets
    host, _, port = rest.partition(":")
    usual = {"https": "443", "http": "80"}.get(scheme, "")
    pattern = re.escape(address.removeprefix("[") or host).replace(r"\*", "[^.]+")
    return (scheme, port or usual) == (place[0], str(place[2])) and re.fullmatch(pattern, place[1]) is not None


def meant(request: CredentialRequest, accounts: Mapping[str, Collection[str]]) -> list[str]:
    """Return which of the accounts git may mean: ``accounts`` has, by profile, the names that each one goes by.

    A user name decides; without one the owner in the path does where an account goes by it; else it can be anybody.
    """
    if request.names_somebody:
        return _called(request.username, accounts)
    return (_called(request.owner, accounts) if request.owner else []) or list(accounts)


def _called(name: str, accounts: Mapping[str, Collection[str]]) -> list[str]:
    wanted = name.casefold()
    return [profile for profile, names in accounts.items() if wanted in {other.casefold() for other in names}]


def answer(request: CredentialRequest, *, access_token: str, expires_at: int) -> str:
    """Return the lines of an answer; ``expires_at`` is in seconds since the epoch, 0 where nobody knows."""
    lines = [f"username={request.username or ANYBODY}", f"password={access_token}"]
    if expires_at:
        lines.append(f"password_expiry_utc={expires_at}")
    return "\n".join(lines)


def helper(command: Sequence[str], *, profile: str, host: str | None) -> str:
    """Return the value of ``credential.<url>.helper``: a line for git's shell, which git appends the operation to."""
    words = [*command, _COMMAND, "--profile", profile, *(["--host", host] if host else [])]
    return "!" + shlex.join(words)


def profile_of_helper(value: str) -> str | None:
    """Return the profile of a value that ``helper`` made, wherever the program then was; ``None`` for another's."""
    try:
        words = shlex.split(value[1:]) if value.startswith("!") else []
    except ValueError:
        return None
    place = words.index(_COMMAND) if _COMMAND in words else len(words)
    return words[place + 2] if words[place + 1 : place + 2] == ["--profile"] and len(words) > place + 2 else None
