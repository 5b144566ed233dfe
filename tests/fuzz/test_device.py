"""The device authorization endpoint's answers, and those of each poll."""

from __future__ import annotations

from answers import response
from hypothesis import given
from hypothesis import strategies as st
from outside import bodies, each, neighbours, only

from oauth_cli_login.errors import OAuthCliError
from oauth_cli_login.protocol.device import Pending, parse_device_authorization_response, parse_poll_response
from oauth_cli_login.protocol.url import check_endpoint

DAY = 24 * 3600
FIELDS = {
    "device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://idp.example/device",
    "verification_uri_complete": "https://idp.example/device?user_code=WDJB-MJHT",
    "expires_in": 1800,
    "interval": 5,
}
POLLS = st.one_of(*(bodies({"error": error, "interval": 10}) for error in ("slow_down", "authorization_pending", "x")))
STATUSES = st.sampled_from([200, 200, 400, 403, 428, 429, 500])


@given(bodies(FIELDS), STATUSES)
@each("body", neighbours(FIELDS), status=200)
def test_any_device_authorization_is_a_code_or_an_error_of_ours(body, status):
    with only(OAuthCliError):
        found = parse_device_authorization_response(response(status, body))
        assert found.user_code.isprintable()
        assert found.device_code.isprintable()
        assert 0 <= found.expires_in <= DAY
        assert 1 <= found.interval <= DAY
        assert found.verification_uri_complete is None or check_endpoint("uri", found.verification_uri_complete)


@given(POLLS, STATUSES)
@each("body", neighbours({"error": "slow_down", "interval": 10}), status=400)
def test_any_poll_is_a_result_or_an_error_of_ours(body, status):
    with only(OAuthCliError):
        found = parse_poll_response(response(status, body), interval=5, token_fields=lambda _status, fields: fields)
        assert isinstance(found, Pending)
        assert 5 <= found.interval <= DAY
