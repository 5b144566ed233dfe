"""Faults of what is read besides tokens: discovery, the JWKS, the device authorization, userinfo."""

from __future__ import annotations

from dataclasses import replace

from oauth_cli_providers.mock.faults.fault import ESCAPES, Catalogue, Document, Exchange, changes_document
from oauth_cli_providers.mock.faults.keys import STRANGER
from oauth_cli_providers.mock.messages import Response
from oauth_cli_providers.mock.signing import b64url

faults = Catalogue()

_MANY = 10_000
_HUGE = 10 * 1024 * 1024
SHELL = "a=$(touch${IFS}pwned);b'\"`c&d*|e"

# ---- discovery


@faults.document("discovery")
def discovery_other_issuer(metadata: Document) -> None:
    """The discovery document's issuer is another server."""
    metadata.members["issuer"] = "https://attacker.example"


@faults.document("discovery")
def discovery_issuer_slash(metadata: Document) -> None:
    """The discovery document's issuer ends with a slash too many."""
    metadata.members["issuer"] = f"{metadata.server.issuer}/"


@faults.document("discovery")
def discovery_issuer_case(metadata: Document) -> None:
    """The discovery document's issuer has its path in capitals."""
    scheme, _, rest = metadata.server.issuer.partition("://")
    host, _, path = rest.partition("/")
    metadata.members["issuer"] = f"{scheme}://{host}/{path.upper()}"


@faults.document("discovery")
def discovery_issuer_scheme(metadata: Document) -> None:
    """The discovery document's issuer has its scheme in capitals."""
    scheme, _, rest = metadata.server.issuer.partition("://")
    metadata.members["issuer"] = f"{scheme.upper()}://{rest}"


@faults.document("discovery")
def no_issuer(metadata: Document) -> None:
    """The discovery document has no issuer."""
    del metadata.members["issuer"]


@faults.document("discovery")
def no_s256(metadata: Document) -> None:
    """The discovery document offers PKCE with plain alone."""
    metadata.members["code_challenge_methods_supported"] = ["plain"]


@faults.document("discovery")
def no_pkce(metadata: Document) -> None:
    """The discovery document does not speak of PKCE (the server takes it all the same)."""
    del metadata.members["code_challenge_methods_supported"]


@faults.document("discovery")
def plain_and_s256(metadata: Document) -> None:
    """The discovery document offers PKCE with plain and, behind it, S256 (which is allowed)."""
    metadata.members["code_challenge_methods_supported"] = ["plain", "S256"]


@faults.document("discovery")
def iss_not_promised(metadata: Document) -> None:
    """The discovery document does not promise the callback's iss (which is allowed; it is there)."""
    del metadata.members["authorization_response_iss_parameter_supported"]


@faults.document("discovery")
def rs256_not_announced(metadata: Document) -> None:
    """The discovery document says that ID tokens are signed with ES256 or PS256; they are with RS256."""
    metadata.members["id_token_signing_alg_values_supported"] = ["ES256", "PS256"]


@faults.document("discovery")
def no_token_endpoint(metadata: Document) -> None:
    """The discovery document has no token_endpoint."""
    del metadata.members["token_endpoint"]


@faults.document("discovery")
def no_jwks_uri(metadata: Document) -> None:
    """The discovery document has no jwks_uri."""
    del metadata.members["jwks_uri"]


@faults.document("discovery")
def http_endpoint(metadata: Document) -> None:
    """The discovery document's token_endpoint is plain http on another host."""
    metadata.members["token_endpoint"] = "http://idp.example/token"  # noqa: S105 - an address


@faults.document("discovery")
def shell_endpoint(metadata: Document) -> None:
    """The discovery document's authorization_endpoint has a query of what a shell would act on (which is allowed)."""
    metadata.members["authorization_endpoint"] = f"{metadata.server.issuer}/authorize?{SHELL}"


@faults.document("discovery")
def number_endpoint(metadata: Document) -> None:
    """The discovery document's authorization_endpoint is a number."""
    metadata.members["authorization_endpoint"] = 7


def _endpoint_fault(name: str, description: str, url: str) -> None:
    def change(metadata: Document) -> None:
        metadata.members["authorization_endpoint"] = url

    faults.declare(name, description, ("discovery",), changes_document(change))


for _name, _what, _url in (
    ("javascript", "a javascript: URL", "javascript:alert(1)//localhost/authorize"),
    ("file", "a file: URL", "file:///etc/passwd"),
    ("dash", "an option for whatever opens it", "--new-window=http://localhost/authorize"),
    ("crlf", "a URL with a line break", "http://localhost/authorize\r\nX-Injected: 1"),
    ("percent", "a URL with %action for a shell of Windows", "http://localhost/authorize?%action%&calc"),
    ("line", "a URL that ends with a line", "http://localhost/authorize\n"),
    ("backslash", "a URL whose host depends on who reads it", "http://localhost\\@attacker.example/authorize"),
    ("relative", "a URL without a scheme", "//localhost/authorize"),
):
    _endpoint_fault(f"{_name}-endpoint", f"The discovery document's authorization_endpoint is {_what}.", _url)

# ---- jwks


@faults.document("jwks")
def jwks_empty(jwks: Document) -> None:
    """The JWKS has no keys."""
    jwks.members["keys"] = []


@faults.document("jwks")
def jwks_other_key(jwks: Document) -> None:
    """The JWKS has another key only (with :1, the one from before a rotation)."""
    jwks.members["keys"] = [STRANGER.public_jwk]


@faults.document("jwks")
def jwks_two_keys(jwks: Document) -> None:
    """The JWKS has another key before the right one (which is allowed)."""
    jwks.members["keys"] = [STRANGER.public_jwk, jwks.server.key.public_jwk]


@faults.document("jwks")
def jwks_number(jwks: Document) -> None:
    """The JWKS's keys are a number."""
    jwks.members["keys"] = 7


@faults.document("jwks")
def jwks_many_keys(jwks: Document) -> None:
    """The JWKS has 10,000 keys, the right one last."""
    others = [{**STRANGER.public_jwk, "kid": f"key-{number}"} for number in range(_MANY - 1)]
    jwks.members["keys"] = [*others, jwks.server.key.public_jwk]


@faults.document("jwks")
def jwks_huge(jwks: Document) -> None:
    """The JWKS is 10 MiB of one key's x5c."""
    jwks.members["keys"] = [{**jwks.server.key.public_jwk, "x5c": ["A" * _HUGE]}]


@faults.document("jwks")
def jwks_use_enc(jwks: Document) -> None:
    """The key in the JWKS is for encryption."""
    jwks.members["keys"] = [{**jwks.server.key.public_jwk, "use": "enc"}]


@faults.document("jwks")
def jwks_key_ops(jwks: Document) -> None:
    """The key in the JWKS is for encryption, by its key_ops."""
    jwks.members["keys"] = [{**jwks.server.key.public_jwk, "key_ops": ["encrypt"]}]


@faults.document("jwks")
def jwks_false_kty(jwks: Document) -> None:
    """The key in the JWKS is an EC key by its kty; its numbers are those of the RSA key."""
    jwks.members["keys"] = [{**jwks.server.key.public_jwk, "kty": "EC"}]


@faults.document("jwks")
def jwks_wrong_alg(jwks: Document) -> None:
    """The key in the JWKS is for RS512 alone; the ID token says RS256."""
    jwks.members["keys"] = [{**jwks.server.key.public_jwk, "alg": "RS512"}]


@faults.document("jwks")
def jwks_wrong_kty(jwks: Document) -> None:
    """The key in the JWKS is a symmetric one, under the kid of the one that signs."""
    jwks.members["keys"] = [{"kty": "oct", "kid": jwks.server.key.kid, "k": b64url(b"k" * 32)}]


# ---- device authorization (RFC 8628 section 3.2)


@faults.document("device_authorization")
def no_interval(answer: Document) -> None:
    """The device authorization has no interval (which is allowed: it is 5 seconds)."""
    del answer.members["interval"]


@faults.document("device_authorization")
def device_expires_soon(answer: Document) -> None:
    """The device authorization's expires_in is 1."""
    answer.members["expires_in"] = 1


@faults.document("device_authorization")
def no_user_code(answer: Document) -> None:
    """The device authorization has no user_code."""
    del answer.members["user_code"]


@faults.document("device_authorization")
def javascript_verification_uri(answer: Document) -> None:
    """The device authorization's verification URIs are javascript: URLs."""
    answer.members.update(dict.fromkeys(("verification_uri", "verification_uri_complete"), "javascript:alert(1)"))


@faults.document("device_authorization")
def file_verification_uri(answer: Document) -> None:
    """The device authorization's verification URIs are file: URLs."""
    answer.members.update(dict.fromkeys(("verification_uri", "verification_uri_complete"), "file:///etc/passwd"))


@faults.document("device_authorization")
def device_escapes(answer: Document) -> None:
    """The device authorization's user_code holds ESC, OSC and bidi sequences."""
    answer.members["user_code"] = ESCAPES


# ---- userinfo (OpenID Connect Core section 5.3)


@faults.document("userinfo")
def userinfo_other_sub(claims: Document) -> None:
    """Userinfo's sub is somebody else's."""
    claims.members["sub"] = "somebody-else"


@faults.document("userinfo")
def userinfo_no_sub(claims: Document) -> None:
    """Userinfo has no sub."""
    del claims.members["sub"]


@faults.document("userinfo")
def userinfo_escapes(claims: Document) -> None:
    """Userinfo's name and preferred_username hold ESC, OSC and bidi sequences."""
    claims.members.update(name=ESCAPES, preferred_username=ESCAPES)


@faults.response("userinfo")
def userinfo_encrypted(exchange: Exchange) -> Response:
    """Userinfo is an encrypted JWT (application/jwt)."""
    token = ".".join([b64url(b'{"alg":"RSA-OAEP","enc":"A256GCM"}'), *(b64url(b"x" * 32) for _ in range(4))])
    headers = {**exchange.response.headers, "Content-Type": "application/jwt"}
    return replace(exchange.response, headers=headers, body=token.encode("ascii"))
