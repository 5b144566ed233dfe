from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from answers import ISSUER, json_response, metadata, response

from oauth_cli_login.errors import ExitStatus, LoginTimeout, ProtocolError, TokenError, TransportError
from oauth_cli_login.model import TokenResponse
from oauth_cli_login.protocol.device import (
    DEFAULT_INTERVAL,
    DeviceAuthorization,
    Pending,
    device_authorization_request,
    expired,
    parse_device_authorization_response,
    parse_poll_response,
)
from oauth_cli_login.protocol.token import ClientAuthentication

PUBLIC = ClientAuthentication("cli-app")
STATUSES = [200, 400, 403, 428, 429, 500]
DAY = 24 * 3600


def authorize(status=200, /, **members):
    """Parse an answer that is right unless ``members`` say otherwise; ``...`` takes a member away."""
    fields = {
        "device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://example.com/device",
        "expires_in": 1800,
        **members,
    }
    answer = json_response(status, **{name: value for name, value in fields.items() if value is not ...})
    return parse_device_authorization_response(answer)


def poll(status=400, /, interval=5, **members):
    return parse_poll_response(
        json_response(status, **members), interval=interval, token_fields=lambda _status, fields: fields
    )


def test_the_request_is_that_of_rfc_8628_section_3_1():
    request = device_authorization_request(metadata(), PUBLIC, scopes=("a", "b"), params={"audience": "api"})
    assert (request.method, request.url) == ("POST", f"{ISSUER}/device")
    assert parse_qs(request.body.decode()) == {"client_id": ["cli-app"], "scope": ["a b"], "audience": ["api"]}


def test_without_scopes_the_parameter_is_left_out():
    request = device_authorization_request(metadata(), PUBLIC, scopes=(), params={})
    assert parse_qs(request.body.decode()) == {"client_id": ["cli-app"]}


def test_a_client_with_a_secret_authenticates():
    basic = ClientAuthentication("cli-app", "s", "client_secret_basic")
    assert "Authorization" in device_authorization_request(metadata(), basic, scopes=(), params={}).headers


def test_a_server_without_the_endpoint_is_for_the_browser_flow():
    with pytest.raises(ProtocolError, match="no device_authorization_endpoint") as refused:
        device_authorization_request(metadata(device_authorization_endpoint=None), PUBLIC, scopes=(), params={})
    assert "--flow browser" in refused.value.hint


def test_the_answer_of_rfc_8628_section_3_2_is_read():
    complete = "https://example.com/device?user_code=WDJB-MJHT"
    assert authorize(verification_uri_complete=complete, interval=7) == DeviceAuthorization(
        device_code="GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS",
        user_code="WDJB-MJHT",
        verification_uri="https://example.com/device",
        verification_uri_complete=complete,
        expires_in=1800,
        interval=7,
    )


def test_the_device_code_is_not_shown():
    assert "GmRhmhcxhwAzkoEqiMEg" not in repr(authorize())


def test_the_name_of_older_drafts_is_read_too():
    """Google's verification_url."""
    found = authorize(verification_uri=..., verification_url="https://www.google.com/device")
    assert found.verification_uri == "https://www.google.com/device"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (..., DEFAULT_INTERVAL),
        (None, DEFAULT_INTERVAL),
        (1, 1),
        ("10", 10),
        (2.9, 2),
        ("086400", DAY),
        (10**20, DAY),
        (1e25, DAY),
    ],
)
def test_the_interval_is_whole_seconds_and_five_where_there_is_none(value, seconds):
    assert authorize(interval=value).interval == seconds
    assert DEFAULT_INTERVAL == 5


@pytest.mark.parametrize("value", [0, 0.4, "0"])
def test_an_interval_below_a_second_is_one(value):
    """Nobody polls without pause, whatever the server says."""
    assert authorize(interval=value).interval == 1


@pytest.mark.parametrize(("value", "seconds"), [(0, 0), (900, 900), ("900", 900), (899.9, 899), (10**20, DAY)])
def test_the_codes_time_is_whole_seconds_and_a_day_at_the_most(value, seconds):
    assert authorize(expires_in=value).expires_in == seconds


@pytest.mark.parametrize("value", [-1, "-1", True, "", "soon", "1" * 7, "\u0663", [5], {}, "1.5"])
@pytest.mark.parametrize("name", ["interval", "expires_in"])
def test_seconds_that_are_none_are_refused_by_name(name, value):
    with pytest.raises(ProtocolError, match=f"no usable {name}"):
        authorize(**{name: value})


@pytest.mark.parametrize("value", [..., None])
def test_a_code_without_an_end_is_refused(value):
    """RFC 8628 section 3.2: expires_in is required."""
    with pytest.raises(ProtocolError, match="no usable expires_in"):
        authorize(expires_in=value)


@pytest.mark.parametrize("name", ["device_code", "user_code", "verification_uri"])
@pytest.mark.parametrize("value", [..., None, ""])
def test_an_answer_that_lacks_what_is_required_is_refused(name, value):
    with pytest.raises(ProtocolError, match="lacks device_code, user_code or verification_uri"):
        authorize(**{name: value})


@pytest.mark.parametrize("name", ["device_code", "user_code", "verification_uri"])
@pytest.mark.parametrize("value", [7, ["x"], "\x1b]8;;https://evil.example\x07x", "a\nb", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_text_that_would_disturb_the_terminal_is_refused(name, value):
    with pytest.raises(ProtocolError, match=name):
        authorize(**{name: value})


@pytest.mark.parametrize(
    ("name", "longest"), [("user_code", "X" * 100), ("verification_uri", "https://example.com/".ljust(2000, "x"))]
)
def test_what_is_longer_than_anybody_would_type_is_refused(name, longest):
    assert getattr(authorize(**{name: longest}), name) == longest
    with pytest.raises(ProtocolError, match="too long for anybody to type"):
        authorize(**{name: longest + "x"})


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "https://example.com/".ljust(2001, "x"),
        "file:///etc/passwd",
        "http://example.com/device",
        "-x",
        "",
        7,
        [],
    ],
)
def test_an_address_that_may_not_be_opened_is_left_out_and_the_code_still_shown(uri):
    found = authorize(verification_uri_complete=uri)
    assert found.verification_uri_complete is None
    assert (found.user_code, found.verification_uri) == ("WDJB-MJHT", "https://example.com/device")


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_of_the_device_endpoint_is_a_refusal(status):
    with pytest.raises(TokenError, match="unauthorized_client") as refused:
        authorize(status, error="unauthorized_client")
    assert refused.value.status == status
    assert "not registered" in refused.value.hint


def test_a_provider_translates_the_device_endpoints_errors_and_nothing_else():
    def dialect(status, fields):
        return {**fields, "error": f"translated_{status}"}

    with pytest.raises(TokenError, match="translated_400"):
        parse_device_authorization_response(json_response(400, error="own"), token_fields=dialect)
    right = json_response(device_code="d", user_code="u", verification_uri="https://x.example", expires_in=9)
    assert parse_device_authorization_response(right, token_fields=dialect).user_code == "u"


@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_without_an_error_code_is_not_taken_for_a_code(status):
    with pytest.raises(ProtocolError):
        authorize(status)


def test_a_device_endpoint_that_cannot_answer_now_is_a_matter_of_the_network():
    with pytest.raises(TransportError, match="503"):
        parse_device_authorization_response(response(503, "<html>"))


def test_the_tokens_end_the_polling():
    assert poll(200, access_token="t", token_type="Bearer") == TokenResponse("t", "Bearer")


@pytest.mark.parametrize("status", STATUSES)
def test_pending_keeps_the_interval_whatever_the_status(status):
    assert poll(status, interval=7, error="authorization_pending") == Pending(7)


@pytest.mark.parametrize("status", STATUSES)
def test_slow_down_adds_five_seconds_for_good_whatever_the_status(status):
    """RFC 8628 section 3.5."""
    first = poll(status, interval=5, error="slow_down")
    assert first == Pending(10)
    assert poll(status, interval=first.interval, error="slow_down") == Pending(15)
    assert poll(status, interval=first.interval, error="authorization_pending") == Pending(10)


@pytest.mark.parametrize(("named", "expected"), [(30, 30), ("30", 30), (3, 10), (None, 10), (10, 10)])
def test_slow_down_never_gets_faster_than_the_interval_that_it_names(named, expected):
    """GitHub sends the new interval along."""
    answer = json_response(400, error="slow_down", interval=named)
    assert parse_poll_response(answer, interval=5, token_fields=lambda _status, fields: fields) == Pending(expected)


@pytest.mark.parametrize("status", STATUSES)
def test_an_expired_code_is_a_time_out_whatever_the_status(status):
    with pytest.raises(LoginTimeout, match="expired") as refused:
        poll(status, error="expired_token")
    assert refused.value.exit_status == ExitStatus.TIMEOUT
    assert "new code" in refused.value.hint


def test_an_expired_code_reads_the_same_where_the_clock_finds_it():
    assert str(expired()) == "the device code expired before it was used"


@pytest.mark.parametrize("status", STATUSES)
def test_a_denial_is_a_refusal_whatever_the_status(status):
    with pytest.raises(TokenError, match=r"denied.*\(No thanks\)") as refused:
        poll(status, error="access_denied", error_description="No thanks")
    assert refused.value.exit_status == ExitStatus.REFUSED
    assert (refused.value.error, refused.value.status) == ("access_denied", status)
    assert refused.value.error_description == "No thanks"
    assert "Nothing was stored" in refused.value.hint


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "device_flow_disabled"])
def test_any_other_error_ends_the_polling(error):
    with pytest.raises(TokenError, match=error):
        poll(error=error)


def test_a_poll_reads_a_providers_dialect():
    answer = json_response(200, error="waiting")
    found = parse_poll_response(
        answer, interval=5, token_fields=lambda _status, _fields: {"error": "authorization_pending"}
    )
    assert found == Pending(5)


def test_a_poll_that_the_server_cannot_answer_now_is_a_matter_of_the_network():
    with pytest.raises(TransportError):
        parse_poll_response(response(503, ""), interval=5, token_fields=lambda _status, fields: fields)
