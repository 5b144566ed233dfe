"""The keys that an authorization server signs with: fetched when first needed, and once more for a kid that is new.

Invariants: at most two requests for each ``Keys``, whatever tokens come; a document of 1 MiB and 100 keys at the most;
no key but from the metadata's ``jwks_uri``.
"""

from __future__ import annotations

from oauth_cli_login.context import Connection
from oauth_cli_login.errors import ProtocolError
from oauth_cli_login.model import ServerMetadata
from oauth_cli_login.protocol.jwks import KeySet, jwks_request, parse_jwks_response
from oauth_cli_login.protocol.jws import Jws, check_header, verify


class Keys:
    """The keys of one server, for as long as a command runs."""

    def __init__(self, metadata: ServerMetadata, connection: Connection) -> None:
        self._metadata = metadata
        self._connection = connection
        self._fetched: KeySet | None = None
        self._refetched = False

    def fetch(self) -> KeySet:
        """Return the server's keys; they are asked for at the first call.

        Raises ProtocolError where it publishes none or they cannot be read, TransportError where it does not answer.
        """
        if self._fetched is None:
            self._fetched = self._ask()
        return self._fetched

    def verify(self, jws: Jws) -> None:
        """Raise ProtocolError unless the server has signed this token; raises as ``fetch``, too."""
        allowed = self._metadata.id_token_signing_algs
        check_header(jws, allowed=allowed)  # what no key can mend costs no request
        keys = self.fetch()
        if not keys.knows(jws.kid) and not self._refetched:
            self._refetched = True
            keys = self._fetched = self._ask()
        verify(jws, keys, allowed=allowed)

    def _ask(self) -> KeySet:
        jwks_uri = jwks_uri_of(self._metadata)
        return parse_jwks_response(self._connection.send(jwks_request(jwks_uri), repeat="always"))


def jwks_uri_of(metadata: ServerMetadata) -> str:
    """Return where the server publishes its keys; ProtocolError where it does not say."""
    if metadata.jwks_uri is None:
        raise ProtocolError(
            "ID tokens cannot be verified: the provider's metadata has no jwks_uri",
            hint="Every OpenID Connect provider publishes its keys. Where it has no discovery, name them: --jwks-uri. "
            "Or leave the scope openid out, if you need no ID token.",
        )
    return metadata.jwks_uri
