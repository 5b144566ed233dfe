"""The typed face of a provider plugin: a method for each hook, and a check of what it returns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Any

from oauth_cli_login import defaults
from oauth_cli_login.errors import OAuthCliError, PluginError
from oauth_cli_login.model import Flow, JsonObject, ServerMetadata, Setting, Settings, UserInfo
from oauth_cli_login.returned import Returned, is_header_text
from oauth_cli_login.settings import declare
from oauth_cli_login.values import dataclass

FLOWS: tuple[Flow, ...] = ("browser", "device")


@dataclass(frozen=True)
class RedirectPolicy:
    """Which loopback redirect a provider takes; ``any_port`` where the server compares all but the port."""

    host: str
    port: int
    path: str
    any_port: bool


@dataclass(frozen=True)
class UserinfoRequest:
    """One GET for the user's profile; an ``optional`` one may fail."""

    url: str
    headers: Mapping[str, str]
    optional: bool


@dataclass(frozen=True)
class RevocationRequest:
    """One request that revokes. ``auth`` is ``client`` (as at the token endpoint), ``basic`` or ``none``.

    Exactly one of ``form`` and ``json`` is set.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str] | None
    json: JsonObject | None
    auth: str


class Provider:
    """One provider: a typed method for each hook, which checks what the plugin returns.

    Every method raises PluginError where the plugin raises, exits, or returns what its hook does not allow. ``where``
    names the plugin in messages; ``hooks`` is what calls it: see plugins.py.
    """

    def __init__(self, name: str, where: str, hooks: Any) -> None:
        self.name = name
        self.where = where
        self._hooks = hooks
        self._returned = Returned(where)

    def declared_settings(self) -> dict[str, Setting]:
        """Return all settings by name: core's, and the provider's own (hook oauth_provider_settings)."""
        hook = "oauth_provider_settings"
        own = [self._setting(hook, item) for item in self._returned.sequence(hook, self._call(hook))]
        try:
            return declare(own)
        except PluginError as error:
            raise PluginError(f"{self.where}: {error.message}") from None

    def server_metadata(self, settings: Settings) -> dict[str, object]:
        """Return what the provider itself knows of the server (hook oauth_server_metadata), unchecked as yet."""
        hook = "oauth_server_metadata"
        return self._returned.mapping(hook, self._call(hook, settings=settings))

    def default_scopes(self, settings: Settings) -> tuple[str, ...]:
        """Return the scopes to ask for when the user names none (hook oauth_default_scopes)."""
        hook = "oauth_default_scopes"
        return self._returned.strings(hook, self._call(hook, settings=settings))

    def redirect_policy(self, settings: Settings) -> RedirectPolicy:
        """Return the loopback redirect (hook oauth_redirect_policy); what the plugin leaves out is the default's."""
        hook = "oauth_redirect_policy"
        own = self._returned.fields(hook, self._call(hook, settings=settings), {"host", "port", "path", "any_port"})
        fields = {**defaults.oauth_redirect_policy(), **own}
        host, port, path, any_port = (fields[name] for name in ("host", "port", "path", "any_port"))
        if host not in ("localhost", "127.0.0.1", "::1"):
            self._returned.refuse(hook, "the host must be localhost, 127.0.0.1 or ::1")
        if type(port) is not int or not 0 < port < 65536:  # noqa: PLR2004 - 16 bits
            self._returned.refuse(hook, "the port must be a number from 1 to 65535")
        if not isinstance(path, str) or not path.startswith("/") or not is_header_text(path) or set(path) & set("?# "):
            self._returned.refuse(hook, "the path must begin with / and be a path alone")
        if not isinstance(any_port, bool):
            self._returned.refuse(hook, "any_port must be true or false")
        return RedirectPolicy(str(host), port, path, any_port)

    def flows(self, settings: Settings, metadata: ServerMetadata) -> tuple[Flow, ...]:
        """Return the sign-in flows that work, best first (hook oauth_flows)."""
        hook = "oauth_flows"
        named = self._returned.strings(
            hook, self._call(hook, settings=settings, metadata=MappingProxyType(metadata.document))
        )
        if unknown := [flow for flow in named if flow not in FLOWS]:
            self._returned.refuse(hook, f"the flows are {' and '.join(FLOWS)}, not {unknown[0]!a}")
        return tuple(flow for name in named for flow in FLOWS if flow == name)

    def authorization_params(
        self,
        settings: Settings,
        metadata: ServerMetadata,
        *,
        scopes: Sequence[str],
        flow: Flow,
        refresh_token_stored: bool,
    ) -> dict[str, str | None]:
        """Return extra parameters of the authorization or device request (hook oauth_authorization_params)."""
        hook = "oauth_authorization_params"
        value = self._call(
            hook,
            settings=settings,
            metadata=MappingProxyType(metadata.document),
            scopes=tuple(scopes),
            flow=flow,
            refresh_token_stored=refresh_token_stored,
        )
        params = self._returned.mapping(hook, value)
        if not all(isinstance(item, str | None) for item in params.values()):
            self._returned.refuse(hook, "parameters are strings, or None to drop one")
        return params

    def token_params(
        self,
        settings: Settings,
        metadata: ServerMetadata,
        *,
        grant_type: str,
        scopes: Sequence[str],
        redirect_uri: str | None,
    ) -> dict[str, str]:
        """Return extra parameters of the token request (hook oauth_token_params)."""
        hook = "oauth_token_params"
        value = self._call(
            hook,
            settings=settings,
            metadata=MappingProxyType(metadata.document),
            grant_type=grant_type,
            scopes=tuple(scopes),
            redirect_uri=redirect_uri,
        )
        return self._returned.string_mapping(hook, value)

    def token_fields(
        self, settings: Settings, *, grant_type: str, status: int, fields: JsonObject
    ) -> dict[str, object]:
        """Return the token endpoint's answer in the terms of RFC 6749 (hook oauth_token_fields)."""
        hook = "oauth_token_fields"
        return self._returned.mapping(
            hook, self._call(hook, settings=settings, grant_type=grant_type, status=status, fields=dict(fields))
        )

    def id_token_issuers(self, settings: Settings, metadata: ServerMetadata, claims: JsonObject) -> tuple[str, ...]:
        """Return the ``iss`` values that an ID token may have (hook oauth_id_token_issuers)."""
        hook = "oauth_id_token_issuers"
        return self._returned.strings(
            hook, self._call(hook, settings=settings, metadata=MappingProxyType(metadata.document), claims=dict(claims))
        )

    def userinfo_requests(
        self, settings: Settings, metadata: ServerMetadata, *, scopes: Sequence[str]
    ) -> tuple[UserinfoRequest, ...]:
        """Return what to GET for the user's profile (hook oauth_userinfo_requests)."""
        hook = "oauth_userinfo_requests"
        value = self._call(hook, settings=settings, metadata=MappingProxyType(metadata.document), scopes=tuple(scopes))
        requests = []
        for item in self._returned.sequence(hook, value):
            fields = self._returned.fields(hook, item, {"url", "headers", "optional"})
            url, optional = fields.get("url"), fields.get("optional", False)
            if not isinstance(url, str) or not isinstance(optional, bool):
                self._returned.refuse(hook, "each request has a url; optional is true or false")
            requests.append(UserinfoRequest(url, self._returned.headers(hook, fields), optional))
        return tuple(requests)

    def parse_userinfo(self, settings: Settings, responses: Sequence[object]) -> UserInfo:
        """Return who signed in (hook oauth_parse_userinfo); a ``sub`` that is a number becomes its digits."""
        hook = "oauth_parse_userinfo"
        known = {"sub", "name", "email", "username", "picture", "claims"}
        fields = self._returned.fields(hook, self._call(hook, settings=settings, responses=tuple(responses)), known)
        claims = self._returned.mapping(hook, fields.get("claims", {}))
        sub = fields.get("sub")
        if isinstance(sub, int) and not isinstance(sub, bool):
            sub = str(sub)
        texts = {name: fields.get(name) for name in ("name", "email", "username", "picture")}
        return UserInfo(
            sub=sub if isinstance(sub, str) and sub else None,
            claims=claims,
            **{name: value if isinstance(value, str) else None for name, value in texts.items()},
        )

    def revocation_requests(
        self, settings: Settings, metadata: ServerMetadata, *, token: str, token_type_hint: str
    ) -> tuple[RevocationRequest, ...] | None:
        """Return the requests that revoke a token (hook oauth_revocation_requests).

        ``()`` where it cannot be done; ``None`` for what RFC 7009 says.
        """
        hook = "oauth_revocation_requests"
        value = self._call(
            hook,
            settings=settings,
            metadata=MappingProxyType(metadata.document),
            token=token,
            token_type_hint=token_type_hint,
        )
        if value is None:
            return None
        return tuple(self._revocation_request(hook, item) for item in self._returned.sequence(hook, value))

    def setup_guide(self, settings: Settings, redirect_uri: str) -> tuple[str, ...]:
        """Return the steps of registering a client, a line each (hook oauth_setup_guide)."""
        hook = "oauth_setup_guide"
        return self._returned.strings(hook, self._call(hook, settings=settings, redirect_uri=redirect_uri))

    def connected_apps_url(self, settings: Settings) -> str | None:
        """Return the page where the user removes applications, or ``None`` (hook oauth_connected_apps_url)."""
        hook = "oauth_connected_apps_url"
        value = self._call(hook, settings=settings)
        if not isinstance(value, str | None):
            self._returned.refuse(hook, "it returns an address")
        return value

    def api_hosts(self, settings: Settings, metadata: ServerMetadata) -> tuple[str, ...]:
        """Return further hosts that may be sent the access token (hook oauth_api_hosts)."""
        hook = "oauth_api_hosts"
        return self._returned.strings(
            hook, self._call(hook, settings=settings, metadata=MappingProxyType(metadata.document))
        )

    def local_server(self, settings: Settings) -> AbstractContextManager[object] | None:
        """Return what serves this provider for the length of a command, or ``None`` (hook oauth_local_server)."""
        hook = "oauth_local_server"
        value = self._call(hook, settings=settings)
        if not isinstance(value, AbstractContextManager | None):
            self._returned.refuse(hook, "it returns a context manager")
        return value

    def _setting(self, hook: str, item: object) -> Setting:
        fields = self._returned.fields(hook, item, {"name", "help", "required", "default", "secret"})
        name, help_, default = (fields.get(key) for key in ("name", "help", "default"))
        required, secret = (fields.get(key, False) for key in ("required", "secret"))
        if not isinstance(name, str) or not (name.isascii() and name.isidentifier() and name.islower()):
            self._returned.refuse(hook, "a setting's name must be a lower-case identifier")
        if not isinstance(help_, str) or not isinstance(default, str | None):
            self._returned.refuse(hook, "a setting's help and default must be strings")
        if not isinstance(required, bool) or not isinstance(secret, bool) or (secret and default is not None):
            self._returned.refuse(hook, "required and secret are true or false, and a secret has no default")
        return Setting(name, help_, required, default, secret)

    def _revocation_request(self, hook: str, item: object) -> RevocationRequest:
        fields = self._returned.fields(hook, item, {"method", "url", "headers", "form", "json", "auth"})
        url, form, json = (fields.get(name) for name in ("url", "form", "json"))
        auth, method = fields.get("auth", "client"), fields.get("method", "POST")
        if not isinstance(method, str) or not (method.isascii() and method.isalpha()):
            self._returned.refuse(hook, "the method is a word")
        if not isinstance(url, str) or (form is None) == (json is None):
            self._returned.refuse(hook, "each request has a url, and either form or json")
        if auth not in ("client", "basic", "none"):
            self._returned.refuse(hook, "auth is client, basic or none")
        return RevocationRequest(
            method=method,
            url=url,
            headers=self._returned.headers(hook, fields),
            form=None if form is None else self._returned.string_mapping(hook, form),
            json=None if json is None else self._returned.json(hook, json),
            auth=str(auth),
        )

    def _call(self, hook: str, **arguments: object) -> object:
        with guarded(self.where, hook):
            value: object = getattr(self._hooks, hook)(**arguments)
        return value


@contextmanager
def guarded(where: str, what: str) -> Iterator[None]:
    """Turn what a plugin raises into PluginError.

    The exception's own text stays out of the message: it may quote a token. Its place is enough for the author. What
    it prints is the command line's business, which keeps standard output to itself: in a program that uses the Python
    interface other threads print as well.
    """
    try:
        yield
    except OAuthCliError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        import traceback  # noqa: PLC0415 - a plugin rarely fails

        frames = traceback.extract_tb(error.__traceback__)
        theirs = [f for f in frames if not f.filename.startswith(("<", os.path.dirname(__file__) + os.sep))]
        place = f"{(theirs or frames)[-1].filename}:{(theirs or frames)[-1].lineno}"
        if isinstance(error, SyntaxError):
            place = f"{error.filename}:{error.lineno}"
        # of an import only the module's name is told: any other text may quote a token
        lacking = f" ({error.name})" if isinstance(error, ImportError) and error.name else ""
        raise PluginError(
            f"{where} failed in {what}: {type(error).__name__}{lacking} at {place}",
            hint="Tell its author, or uninstall it.",
        ) from error
