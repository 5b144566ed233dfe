"""KUBERNETES_EXEC_INFO, as kubectl sets it and as anybody else might."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from outside import TEXTS, bodies, each, edited, neighbours, only

from oauth_cli_login.errors import ConfigError
from oauth_cli_login.handover import exec_api_version

INFO = {
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "spec": {"interactive": True, "cluster": {"server": "https://k8s.example:6443"}},
}
VARIABLES = bodies(INFO) | edited(json.dumps(INFO).encode())


@given(VARIABLES.map(lambda data: data.decode("utf-8", "surrogateescape")) | TEXTS | st.none())
@each("text", [body.decode("utf-8", "surrogatepass") for body in neighbours(INFO)])
def test_any_variable_names_a_version_or_is_a_config_error(text):
    with only(ConfigError):
        assert exec_api_version(text) in ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
