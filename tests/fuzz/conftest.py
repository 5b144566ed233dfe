"""Properties of what reads outside bytes; what several of them are about."""

from __future__ import annotations

import pytest

from oauth_cli_login import plugins
from oauth_cli_login.errors import PluginError
from oauth_cli_login.model import Settings

PROVIDERS = ["auth0", "github", "google", "mock", "oauth2", "oidc", "okta"]


class Reading:
    """What a provider reads of a server's answers. A plugin must not fail for what a server sent."""

    def __init__(self, provider):
        self._provider = provider
        values = {name: setting.default for name, setting in provider.declared_settings().items()}
        self._settings = Settings({**values, "client_id": "cli-app", "issuer": "https://idp.example"})

    def __repr__(self):
        return self._provider.name

    def token_fields(self, status, fields):
        return self._read(self._provider.token_fields, grant_type="authorization_code", status=status, fields=fields)

    def userinfo(self, responses):
        return self._read(self._provider.parse_userinfo, responses=responses)

    def issuers(self, metadata, claims):
        return self._read(self._provider.id_token_issuers, metadata=metadata, claims=claims)

    def _read(self, hook, **arguments):
        try:
            return hook(self._settings, **arguments)
        except PluginError as error:
            raise AssertionError("the server is at fault, and the plugin is blamed") from error


@pytest.fixture(scope="session", params=PROVIDERS)
def reading(request):
    """Each provider that comes with it: what its hooks read is from outside as well."""
    return Reading(plugins.load(request.param))
