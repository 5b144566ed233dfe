"""An authorization server for one person and two clients, one of them with a secret; their redirect URI to the letter.

Environment: PORT, REDIRECT_URI, CLIENT_ID, SECRET_CLIENT_ID, SECRET, LOGIN, PASSWORD.
"""

from __future__ import annotations

import os

from joserfc.jwk import RSAKey

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

PORT = int(os.environ["PORT"])

key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, auto_kid=True)
app = create_app(
    {
        "SECRET_KEY": "made up",
        "SERVER_NAME": f"127.0.0.1:{PORT}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False, "SMTP": None},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)], "TRUSTED_DOMAINS": []},
    }
)
with app.app_context(), Backend.instance.session():
    login = os.environ["LOGIN"]
    person = models.User(
        user_name=login,
        display_name=login,
        formatted_name="Demo User",
        family_name="User",
        emails=[f"{login}@example.com"],
        password=os.environ["PASSWORD"],
    )
    Backend.instance.save(person)
    for client_id, secret in ((os.environ["CLIENT_ID"], None), (os.environ["SECRET_CLIENT_ID"], os.environ["SECRET"])):
        client = models.Client(
            client_id=client_id,
            client_secret=secret,
            client_name="oauth-cli",
            client_uri="http://client.example",
            redirect_uris=[os.environ["REDIRECT_URI"]],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email"],
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
        )
        Backend.instance.save(client)
        client.audience = [client]  # only what is stored can be referred to
        Backend.instance.save(client)
app.run("127.0.0.1", PORT)
