"""oauth-cli: sign in to any OAuth 2 / OpenID Connect provider, and hand out valid access tokens."""

__version__ = "0.1.0"
