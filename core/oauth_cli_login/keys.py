"""The keys that an authorization server signs with: fetched once by each command, and once more for an unknown kid.

Invariants: at most two requests for each ``Keys``, whatever tokens come, and none after one that failed; a document of
1 MiB and 100 keys at the most; no key but from the metadata's ``jwks_uri``, and none that an earlier command fetched: a
key that was withdrawn vouches for nothing any more.
"""

from __future__ import annotations

from oauth_cli_login.context import Connection
from oauth_cli_login.errors import OAuthCliError, ProtocolError
from oauth_cli_login.model import ServerMetadata
from oauth_cli_login.protocol.jwks import KeySet, jwks_request, key_set, parse_jwks_response
from oauth_cli_login.protocol.jws import Jws, check_header, verify


class Keys:
    """The keys of one server, for as long as a command runs.

    ``failure`` is why they cannot be had, and what is raised for that: whoever catches it knows that no token is at
    fault.
    """

    def __init__(self, metadata: ServerMetadata, connection: Connection) -> None:
        self._metadata = metadata
        self._connection = connection
        self._keys: KeySet | None = None
        self._asked_again = False
        self.failure: OAuthCliError | None = None

    def fetch(self) -> KeySet:
        """Return the server's keys; at the first call they are asked for.

        Raises ProtocolError where it publishes none or they cannot be read, TransportError where it does not answer.
        """
        if self._keys is None:
            self._keys = self._ask()
        return self._keys

    def verify(self, jws: Jws, *, is_id_token: bool = True) -> None:
        """Raise ProtocolError unless the server has signed this token; raises as ``fetch``, too.

        What the metadata announces of algorithms is about ID tokens alone.
        """
        allowed = self._metadata.id_token_signing_algs if is_id_token else None
        check_header(jws, allowed=allowed)  # what no key can mend costs no request
        kid = jws.kid
        keys = self.fetch()
        try:
            verify(jws, keys, allowed=allowed)
        except ProtocolError:
            if keys.knows(kid) or (self._asked_again and self.failure is None):
                raise
        else:
            return
        self._asked_again = True
        self._keys = self._ask()
        verify(jws, self._keys, allowed=allowed)

    def _ask(self) -> KeySet:
        if self.failure is not None:
            raise self.failure
        try:
            request = jwks_request(jwks_uri_of(self._metadata))
            return key_set(parse_jwks_response(self._connection.send(request, repeat="always")))
        except OAuthCliError as error:
            self.failure = error
            raise


def jwks_uri_of(metadata: ServerMetadata) -> str:
    """Return where the server publishes its keys; ProtocolError where it does not say."""
    if metadata.jwks_uri is None:
        raise ProtocolError(
            "ID tokens cannot be verified: the provider's metadata has no jwks_uri",
            hint="Every OpenID Connect provider publishes its keys. Where it has no discovery, name them: --jwks-uri. "
            "Or leave the scope openid out, if you need no ID token.",
        )
    return metadata.jwks_uri
