"""oauth-cli: sign in to any OAuth 2 / OpenID Connect provider, and hand out valid access tokens.

The public Python interface is ``__all__``, and docs/python.md is about it. Each name is imported when it is first asked
for, because the command that prints a cached token imports this package as well.
"""

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "NotSignedIn",
    "OAuthCliAuth",
    "OAuthCliError",
    "ProtocolError",
    "StoreError",
    "TokenError",
    "TransportError",
    "UsageError",
    "__version__",
    "get_token",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oauth_cli_login.api import get_token
    from oauth_cli_login.errors import (
        ConfigError,
        NotSignedIn,
        OAuthCliError,
        ProtocolError,
        StoreError,
        TokenError,
        TransportError,
        UsageError,
    )
    from oauth_cli_login.requests_auth import OAuthCliAuth


def __getattr__(name: str) -> object:
    """Import a public name (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "get_token":
        from oauth_cli_login import api as home  # noqa: PLC0415 - as the module's docstring has it
    elif name == "OAuthCliAuth":
        from oauth_cli_login import requests_auth as home  # type: ignore[no-redef]  # noqa: PLC0415 - as above
    else:
        from oauth_cli_login import errors as home  # type: ignore[no-redef]  # noqa: PLC0415 - as above
    value: object = getattr(home, name)
    globals()[name] = value  # the next time it is simply there
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
