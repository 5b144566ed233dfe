"""Bodies of responses, read strictly (RFC 8259, RFC 6749 appendix B), and of requests, written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode

from oauth_cli_login.errors import ProtocolError, TransportError
from oauth_cli_login.model import HttpResponse

FORM = "application/x-www-form-urlencoded"
MAX_DEPTH = 32
_MAX_NUMBER = 30
_MAX_FIELDS = 200
_ERROR_CODE = frozenset("abcdefghijklmnopqrstuvwxyz_")


def form(params: Mapping[str, str]) -> bytes:
    """Return the parameters as a form body."""
    return urlencode(params).encode("ascii")


def _members(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands in it twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_NUMBER:
        raise ValueError("a number in it is absurd")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if len(digits) > _MAX_NUMBER or number in (float("inf"), float("-inf")):
        raise ValueError("a number in it is absurd")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _depth(text: str) -> int:
    """Return how deep the text nests at the most, so that the decoder is never asked to recurse without bound."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def parse_json(data: bytes) -> object:
    """Return the value of a JSON text; raise ValueError.

    Refused: duplicate members, NaN and infinities, numbers of more than 30 digits, nesting deeper than 32, a byte
    order mark, anything but UTF-8.
    """
    text = data.decode("utf-8")  # UnicodeDecodeError is a ValueError
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark")
    if _depth(text) > MAX_DEPTH:
        raise ValueError("it nests too deeply")
    value: object = json.loads(
        text, object_pairs_hook=_members, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
    )
    if "\\ud" in text.lower():  # half a surrogate pair is no text: nobody could write it on
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def reason_of(error: ValueError) -> str:
    """Return why a text cannot be read, without quoting it: json's words and our own do not, a UnicodeError's do."""
    return "it is not UTF-8" if isinstance(error, UnicodeError) else str(error)


def parse_json_response(response: HttpResponse, what: str) -> object:
    """Return the JSON value of a response.

    Raises ProtocolError naming ``what`` it should have been, TransportError where the server says that it cannot
    answer now (429, 5xx) and does not say why in the terms of OAuth.
    """
    return _parsed(response, what, parse_json)


def parse_object_response(response: HttpResponse, what: str) -> dict[str, object]:
    """Return the JSON object of a response, or the fields of a form-encoded one; raises as parse_json_response."""
    value = _parsed(response, what, _parse_form if _content_type(response) == FORM else parse_json)
    if not isinstance(value, dict):
        raise ProtocolError(f"the {what} is JSON, but not an object (HTTP {response.status})")
    return value


def _parsed(response: HttpResponse, what: str, parse: Callable[[bytes], object]) -> object:
    try:
        value = parse(response.body)
    except ValueError as error:
        check_available(response, what)
        raise ProtocolError(
            f"the {what} cannot be read (HTTP {response.status}, {_content_type(response)!a}): {reason_of(error)}",
            hint="Check the issuer or endpoint setting: this may be a web page, a proxy or a sign-in wall.",
        ) from None
    if not (isinstance(value, dict) and _is_error_code(value.get("error"))):
        check_available(response, what)
    return value


def _is_error_code(error: object) -> bool:
    """Tell an OAuth error code, which explains a 5xx, from the reason phrase that web frameworks put there.

    The two codes that say no more than the status does (RFC 6749 section 4.1.2.1) explain nothing.
    """
    if error in ("server_error", "temporarily_unavailable"):
        return False
    return isinstance(error, str) and error != "" and set(error) <= _ERROR_CODE


def check_available(response: HttpResponse, what: str) -> None:
    """Raise TransportError where the server says that it cannot answer now: 429, or a status of 500 and more."""
    if response.status == 429 or response.status >= 500:  # noqa: PLR2004 - RFC 6585 section 4, RFC 9110 section 15.6
        raise TransportError(
            f"instead of the {what} the server answered HTTP {response.status}", hint="Try again later."
        )


def _content_type(response: HttpResponse) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()[:60]


def _parse_form(data: bytes) -> object:
    text = data.decode("ascii")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ValueError("it is not form-encoded") from None
    return _members(pairs)


def text_field(fields: Mapping[str, object], name: str, what: str) -> str | None:
    """Return a member that must be a string where it is present, without control characters; raise ProtocolError."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable():
        raise ProtocolError(f"the {what} has a {name} that is not a string of printable characters")
    return value
