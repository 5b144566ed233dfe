"""What may be set: core's own declarations, a provider's beside them, and the values of one profile.

A setting has one name in three spellings: ``--client-id``, ``OAUTH_CLI_<PROFILE>_CLIENT_ID``, and ``client_id`` under
``[profiles.NAME]`` in config.toml. Precedence: flag, environment, config.toml, what the profile's last login used, the
provider's default. A secret never has a flag of its own: beside the three spellings of where it is (``…_file``,
``…_command``), it comes from the environment, from standard input or from a hidden prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from oauth_cli_login.errors import ConfigError, PluginError, did_you_mean
from oauth_cli_login.model import Profile, SecretReference, Setting, Settings
from oauth_cli_login.values import dataclass, field, replace

CORE = (
    Setting("client_id", "the client id that the provider gave you", required=True),
    Setting("client_secret", "the client secret, where the provider gave you one", secret=True),
    Setting("scopes", "what to ask for"),
    Setting("redirect_uri", "the loopback redirect URI that is registered at the provider"),
    Setting("flow", "how to sign in: browser, device or auto"),
    Setting("login_hint", "the account to suggest to the provider"),
    Setting("api_hosts", "further hosts that may be sent the access token: see `oauth-cli request`"),
    Setting("ca_file", "a file of certificates (PEM) to trust instead of the system's"),
    Setting(
        "token_endpoint_auth_method",
        "how a client with a secret says who it is: client_secret_basic or client_secret_post",
    ),
    Setting("store", "where the session is kept: file (the default), or keyring, the system's own"),
)

STORES = ("file", "keyring")

NOT_KEPT = frozenset({"login_hint"})
"""Settings that say something about one sign-in only."""

RESERVED = frozenset(
    {
        *("profile", "provider", "json", "quiet", "verbose", "help", "version", "scope", "add_scope", "param", "port"),
        *("timeout", "browser", "no_browser", "switch_account", "store", "target"),
    }
)
"""Names of core's options, which no provider's setting may take."""

CONFIG_FILE = "config.toml"
LAST_SIGN_IN = "the last sign-in"
API_HOSTS = "api_hosts"
"""The setting whose hosts `request` may send the access token to."""
ENVIRONMENT = "the environment"
"""Origins of settings, as messages name them."""

_LISTS = frozenset({"scopes", "api_hosts"})
"""Settings that config.toml may spell as a list of strings."""

_WAYS = ("file", "command")
"""Where a secret may be, other than in the environment: NAME_file and NAME_command are settings too."""


def table_of(profile: str) -> str:
    """Return the line of config.toml under which a profile's settings stand: a name with a dot in it is quoted."""
    return f'[profiles."{profile}"]' if "." in profile else f"[profiles.{profile}]"


def declare(own: Iterable[Setting]) -> dict[str, Setting]:
    """Return every setting of a provider by name: core's, redefined and added to by its ``own``; PluginError."""
    declared = {setting.name: setting for setting in CORE}
    own = list(own)
    secrets = [setting.name for setting in (*CORE, *own) if setting.secret]
    taken = {f"{name}_{way}" for name in secrets for way in (*_WAYS, "stdin")}
    names = [setting.name for setting in own]
    for setting in own:
        if setting.name in RESERVED or setting.name in taken:
            raise PluginError(f"the setting {setting.name} has the name of one of oauth-cli's own options")
        if names.count(setting.name) > 1:
            raise PluginError(f"the setting {setting.name} is declared twice")
        if setting.name in declared and setting.secret != declared[setting.name].secret:
            raise PluginError(f"the setting {setting.name} cannot become {'' if setting.secret else 'not '}a secret")
        declared[setting.name] = setting
    return declared


@dataclass(frozen=True)
class Layer:
    """One source of settings: what to call it in a message, and its values by setting name."""

    origin: str
    values: Mapping[str, str]
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """The settings of one profile after all layers. Secrets are references until ``settings`` is asked to reveal them.

    ``origins`` says for each value which layer it came from.
    """

    declared: Mapping[str, Setting]
    values: Mapping[str, str]
    secrets: Mapping[str, SecretReference]
    origins: Mapping[str, str]

    def settings(self, reveal: Callable[[str, SecretReference], str] | None = None) -> Settings:
        """Return all declared settings, with the secrets revealed, or without them."""
        values: dict[str, str | None] = dict.fromkeys(self.declared)
        values.update(self.values)
        if reveal is not None:
            values.update({name: reveal(name, reference) for name, reference in self.secrets.items()})
        return Settings(values)

    @property
    def store(self) -> str:
        """Where a login puts the session: ``file``, or ``keyring``; ConfigError for anything else."""
        value = self.values.get("store", STORES[0])
        if value not in STORES:
            raise ConfigError(
                f"store is {value!a} (from {self.origins['store']})", hint=f"It is {' or '.join(STORES)}."
            )
        return value

    def missing(self) -> list[Setting]:
        """Return the required settings that no layer has."""
        have = {*self.values, *self.secrets}
        return [setting for setting in self.declared.values() if setting.required and setting.name not in have]

    def with_values(self, typed: Mapping[str, str]) -> Resolved:
        """Return the same with the values that a person just typed, by setting name."""
        plain = {name: value for name, value in typed.items() if not self.declared[name].secret}
        secret = {name: SecretReference("value", value) for name, value in typed.items() if name not in plain}
        origins = dict.fromkeys(typed, "what you just typed")
        return replace(
            self,
            values={**self.values, **plain},
            secrets={**self.secrets, **secret},
            origins={**self.origins, **origins},
        )

    def kept(self) -> tuple[dict[str, str], dict[str, SecretReference]]:
        """Return what a login keeps: every non-secret in use, and each secret as a reference or as it was typed.

        Defaults are kept as well, so that a session goes on with what it was made with when a default changes. A
        secret that stands in config.toml stays there alone.
        """
        values = {name: value for name, value in self.values.items() if name not in NOT_KEPT}
        secrets = {
            name: reference
            for name, reference in self.secrets.items()
            if not (reference.kind == "value" and self.origins[name] == CONFIG_FILE)
        }
        return values, secrets


def resolve(declared: Mapping[str, Setting], layers: Sequence[Layer]) -> Resolved:
    """Merge the layers, first one first, and the declarations' defaults behind them."""
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    secrets: dict[str, SecretReference] = {}
    for layer in layers:
        for name, value in layer.values.items():
            if name in declared and name not in values:
                values[name] = value
                origins[name] = layer.origin
        for name, reference in layer.secrets.items():
            if name in declared and name not in secrets:
                secrets[name] = reference
                origins[name] = layer.origin
    for setting in declared.values():
        if setting.default is not None and not setting.secret:
            values.setdefault(setting.name, setting.default)
            origins.setdefault(setting.name, "the provider's default")
    return Resolved(declared, values, secrets, origins)


def flag_layer(declared: Mapping[str, Setting], flags: Mapping[str, str]) -> Layer:
    """Return the layer of the command line; ``flags`` holds the options that were given, by setting name."""
    return _layer("the command line", declared, flags, plain_secrets=None)


def environment_layer(declared: Mapping[str, Setting], environ: Mapping[str, str], prefix: str) -> Layer:
    """Return the layer of the environment, whose variables begin with ``prefix``; an empty one counts as unset."""
    spelled = {
        name: environ[prefix + name.upper()] for name in _spellings(declared) if environ.get(prefix + name.upper())
    }
    return _layer(
        ENVIRONMENT,
        declared,
        spelled,
        plain_secrets=lambda name, _value: SecretReference("env", prefix + name.upper()),
    )


def file_layer(declared: Mapping[str, Setting], table: Mapping[str, object], *, profile: str, private: bool) -> Layer:
    """Return the layer of a profile's table in config.toml; ConfigError for a value that is no text.

    A secret may stand in the file itself only where nobody else can read that file.
    """
    spelled: dict[str, str] = {}
    for name, value in table.items():
        if name == "provider":
            continue
        if name not in _spellings(declared):
            raise ConfigError(
                f"config.toml: {table_of(profile)} has the setting {name!a}, which this provider does not have"
                f"{did_you_mean(name, [*_spellings(declared), 'provider'])}",
                hint="Known are: " + ", ".join(sorted(declared)),
            )
        if isinstance(value, list) and name in _LISTS and all(isinstance(item, str) for item in value):
            value = " ".join(value)  # noqa: PLW2901 - as the other layers spell it
        if not isinstance(value, str):
            raise ConfigError(f"config.toml: {name} under {table_of(profile)} must be a string")
        if value:
            spelled[name] = value

    def plain_secret(name: str, value: str) -> SecretReference:
        if not private:
            raise ConfigError(
                f"config.toml holds {name} under {table_of(profile)}, and others can read the file",
                hint=f"chmod 600 it, or say where the secret is: {name}_command or {name}_file.",
            )
        return SecretReference("value", value)

    return _layer(CONFIG_FILE, declared, spelled, plain_secrets=plain_secret)


def stored_layer(stored: Profile | None) -> Layer:
    """Return the layer of what the profile's last login used."""
    if stored is None:
        return Layer(LAST_SIGN_IN, {})
    return Layer(LAST_SIGN_IN, stored.settings, stored.secrets)


def _spellings(declared: Mapping[str, Setting]) -> list[str]:
    ways = [f"{setting.name}_{way}" for setting in declared.values() if setting.secret for way in _WAYS]
    return [*declared, *ways]


def _layer(
    origin: str,
    declared: Mapping[str, Setting],
    spelled: Mapping[str, str],
    *,
    plain_secrets: Callable[[str, str], SecretReference] | None,
) -> Layer:
    secrets: dict[str, SecretReference] = {}
    for setting in declared.values():
        if not setting.secret:
            continue
        if plain_secrets is not None and setting.name in spelled:
            secrets[setting.name] = plain_secrets(setting.name, spelled[setting.name])
        elif f"{setting.name}_file" in spelled:
            secrets[setting.name] = SecretReference("file", spelled[f"{setting.name}_file"])
        elif f"{setting.name}_command" in spelled:
            secrets[setting.name] = SecretReference("command", spelled[f"{setting.name}_command"])
    for name, value in spelled.items():
        if not value.isprintable():
            raise ConfigError(f"the setting {name} holds characters that no setting has (it comes from {origin})")
    plain = {name: value for name, value in spelled.items() if name in declared and not declared[name].secret}
    return Layer(origin, plain, secrets)
