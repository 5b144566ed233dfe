"""The kinds of error that oauth-cli raises on purpose, and the exit status that each one ends the command with.

    OAuthCliError            message, hint, exit_status
    ├ UsageError          2  a bad option or profile name; several sessions and none named
    ├ ConfigError         3  a setting is missing or wrong; an unknown or ambiguous provider; a port that is taken
    │ └ PluginError       3  a provider plugin misbehaved; names the plugin and its distribution
    ├ NotSignedIn         4  there is no session, or it has ended
    ├ AuthorizationError  5  the redirect carried an error (RFC 6749 section 4.1.2.1)
    │ └ TokenError        5  the token endpoint answered with one (RFC 6749 section 5.2, RFC 8628 section 3.5)
    ├ LoginTimeout        6  nobody answered in time
    ├ TransportError      7  the server could not be reached, or kept failing
    ├ ProtocolError       8  the server broke the protocol, or a security check failed
    │ ├ ClockDiffers      8  a token's times do not fit this machine's clock
    │ └ KeyMissing        8  the provider does not publish the key that a token names
    ├ StoreError          9  a session could not be read or written
    │ └ KeyringError      9  the system's keyring does not answer, or lacks the session
    ├ CannotRun         126  exec: the program is there, and the system does not run it
    └ CommandNotFound   127  exec: there is no such program

The OAuth error code stays a string in ``.error``; there is no class per code. A message never holds a code,
verifier, token, secret or state, and ``hint`` says what to do next.
"""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class ExitStatus(IntEnum):
    """What the process ends with: the contract that scripts rely on."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    NOT_SIGNED_IN = 4
    REFUSED = 5
    TIMEOUT = 6
    NETWORK = 7
    PROTOCOL = 8
    STORAGE = 9
    API_REFUSED = 10
    CANNOT_RUN = 126
    NOT_FOUND = 127
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class OAuthCliError(Exception):
    """The root of the tree.

    ``message`` is one sentence for a person; ``hint`` is what to do next, or ``""``.
    """

    exit_status = ExitStatus.BUG
    next_step = ""
    """The hint of those raised without one of their own."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.next_step

    def __reduce__(self) -> tuple[object, ...]:
        """Go from one process to another whole: pickle would make it again from its positional arguments alone."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[OAuthCliError], args: tuple[object, ...], fields: dict[str, object]) -> OAuthCliError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class UsageError(OAuthCliError):
    """The command line cannot be carried out as it was typed."""

    exit_status = ExitStatus.USAGE


class ConfigError(OAuthCliError):
    """A setting is missing or wrong, or this machine is not ready for what was asked."""

    exit_status = ExitStatus.CONFIG
    next_step = "Correct that, and run the same command again."


class PluginError(ConfigError):
    """A provider plugin raised, returned what its hook does not allow, or cannot be chosen."""

    next_step = "Tell its author, or uninstall it."


class NotSignedIn(OAuthCliError):  # noqa: N818 - it names the state the user is in, as the field's tools do
    """There is no session, or it has ended and only a person can start a new one."""

    exit_status = ExitStatus.NOT_SIGNED_IN


class AuthorizationError(OAuthCliError):
    """The authorization server redirected back with an error (RFC 6749 section 4.1.2.1)."""

    exit_status = ExitStatus.REFUSED
    next_step = "Nothing was stored. The provider's own words are above; run the same command to try again."

    def __init__(
        self, message: str, *, error: str, error_description: str = "", error_uri: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.error = error
        self.error_description = error_description
        self.error_uri = error_uri


class TokenError(AuthorizationError):
    """The token or device authorization endpoint answered with an error (RFC 6749 section 5.2).

    ``status`` is the HTTP status of that answer; some servers send errors with 200.
    """

    def __init__(
        self,
        message: str,
        *,
        error: str,
        status: int,
        error_description: str = "",
        error_uri: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, error=error, error_description=error_description, error_uri=error_uri, hint=hint)
        self.status = status


class LoginTimeout(OAuthCliError):  # noqa: N818 - as NotSignedIn
    """The callback did not come, or the device code expired, before the time was over."""

    exit_status = ExitStatus.TIMEOUT


class TransportError(OAuthCliError):
    """No usable HTTP answer: name resolution, connection, TLS, time limit, 429 or 5xx after retries."""

    exit_status = ExitStatus.NETWORK
    next_step = "Check the network, or try again later."


class ProtocolError(OAuthCliError):
    """The server's answer is not what the RFC says, or a security check failed."""

    exit_status = ExitStatus.PROTOCOL
    next_step = "Nothing was stored. Check the issuer and the endpoints, or show this to the server's operator."


class ClockDiffers(ProtocolError):  # noqa: N818 - it names what is the matter
    """A token's exp, iat or nbf does not fit this machine's clock; either may be wrong."""

    next_step = "Is the clock right? More than a minute apart is too much."


class KeyMissing(ProtocolError):  # noqa: N818 - as ClockDiffers
    """The key that a token names is not among the provider's, which may be a moment behind."""

    next_step = (
        "Nothing was handed out. If the provider has changed its keys just now, try again in a while; "
        "else show this to the server's operator."
    )


class StoreError(OAuthCliError):
    """A session file cannot be read or written, or is corrupt, foreign or from a newer version."""

    exit_status = ExitStatus.STORAGE
    next_step = "Mend that, or let OAUTH_CLI_HOME name another folder."


class KeyringError(StoreError):
    """The system's keyring cannot be used, does not answer in time, or does not have what a session file names."""


class CannotRun(OAuthCliError):  # noqa: N818 - as NotSignedIn
    """The program to hand a token to is there, but the system does not run it."""

    exit_status = ExitStatus.CANNOT_RUN
    next_step = "Is it executable, and made for this system?"


class CommandNotFound(OAuthCliError):  # noqa: N818 - as NotSignedIn
    """The program to hand a token to is not there."""

    exit_status = ExitStatus.NOT_FOUND
    next_step = "Check the spelling and PATH. The program and its arguments stand behind --"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the end of a sentence about a word that is none of the known ones: those near it, if any."""
    if not known:
        return ""
    import difflib  # noqa: PLC0415 - needed on the way to an error only

    close = difflib.get_close_matches(word, list(known))
    return f"; did you mean {' or '.join(close)}?" if close else ""
