"""The providers that come with oauth-cli, each a plain module of pluggy hooks."""
