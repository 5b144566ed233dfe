"""What a hook returned, held against what it may return."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from oauth_cli_login.errors import PluginError


class Returned:
    """Checks of the values that one plugin's hooks return; each raises PluginError, naming the plugin and the hook."""

    def __init__(self, where: str) -> None:
        self.where = where

    def refuse(self, hook: str, why: str) -> NoReturn:
        """Raise the error that says what the hook does not allow."""
        raise PluginError(f"{self.where} returns from {hook} what that hook does not allow: {why}")

    def mapping(self, hook: str, value: object) -> dict[str, Any]:
        """Return a mapping with strings for keys, as a dict."""
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            self.refuse(hook, "it is no mapping with strings for keys")
        return dict(value)

    def fields(self, hook: str, value: object, known: Collection[str]) -> dict[str, Any]:
        """Return a mapping that has no keys but the ``known`` ones: a misspelt one would be passed over."""
        fields = self.mapping(hook, value)
        if unknown := sorted(fields.keys() - set(known)):
            self.refuse(hook, f"there is no {unknown[0]!a}; there are {', '.join(sorted(known))}")
        return fields

    def headers(self, hook: str, fields: Mapping[str, object]) -> dict[str, str]:
        """Return the ``headers`` of a request: names of letters, digits and hyphens, values of printable ASCII."""
        headers = self.string_mapping(hook, fields.get("headers", {}))
        if not all(name.replace("-", "").isalnum() and is_header_text(name + value) for name, value in headers.items()):
            self.refuse(hook, "a header is a name of letters, digits and hyphens, and printable ASCII")
        return headers

    def json(self, hook: str, value: object) -> dict[str, Any]:
        """Return a mapping that JSON can carry."""
        import json  # noqa: PLC0415 - few plugins send any

        fields = self.mapping(hook, value)
        try:
            json.dumps(fields)
        except (TypeError, ValueError):
            self.refuse(hook, "json is what JSON can carry")
        return fields

    def string_mapping(self, hook: str, value: object) -> dict[str, str]:
        """Return a mapping of strings to strings."""
        mapping = self.mapping(hook, value)
        if not all(isinstance(item, str) for item in mapping.values()):
            self.refuse(hook, "its values are not all strings")
        return mapping

    def sequence(self, hook: str, value: object) -> tuple[object, ...]:
        """Return a list or tuple, as a tuple."""
        if not isinstance(value, list | tuple):
            self.refuse(hook, "it is no list or tuple")
        return tuple(value)

    def strings(self, hook: str, value: object) -> tuple[str, ...]:
        """Return a list or tuple of strings, as a tuple."""
        items = self.sequence(hook, value)
        if not all(isinstance(item, str) for item in items):
            self.refuse(hook, "its items are not all strings")
        return tuple(item for item in items if isinstance(item, str))


def is_header_text(text: str) -> bool:
    """Tell whether a header, or a path, can carry the text as it is."""
    return text.isascii() and text.isprintable()
