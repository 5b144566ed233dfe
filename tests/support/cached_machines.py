"""Machines on which a token may be cached or not: their environment, their files, a command line, and who answers."""

from __future__ import annotations

import dataclasses
import os
import time

from oauth_cli_login import cached

TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30~_-+/Zz09.sig=="
NOW = int(time.time())
"""When the table was made. A run may come to a row much later: what is to be in the future then is LATER off."""
LATER = 86400


class Home:
    """A machine's files; every session and file is written in its plain form and then spoilt."""

    def __init__(self, folder):
        self.folder = folder
        self.environ = {"OAUTH_CLI_HOME": folder, "HOME": folder, "LANG": "C.UTF-8"}

    def file(self, name, data, mode=0o600):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        os.utime(path, (NOW - 100, NOW - 100))
        return path

    def session(self, name="work", data=None, folder="", mode=0o600, **head):
        return self.file(os.path.join(folder, "sessions", name), session(**head) if data is None else data, mode)

    def config(self, seconds, folder=""):
        """Write config.toml, as many seconds after the session."""
        path = self.file(os.path.join(folder, "config.toml"), b"")
        os.utime(path, (NOW - 100 + seconds, NOW - 100 + seconds))
        return path


def session(expires_at=NOW + LATER, issued_at=NOW - 100, token=TOKEN, length=None, head=None):
    head = f"1 {expires_at} {issued_at} {len(token) if length is None else length}" if head is None else head
    return f"{head}\n{token}\n".encode("latin-1") + b'{\n "provider": "mock"\n}\n'


@dataclasses.dataclass
class Row:
    """A machine, and who answers: "sh" alone, "python" as in every doubt, "either" where Python would know better."""

    name: str
    answers: str
    prepare: object
    argv: list = dataclasses.field(default_factory=lambda: ["token", "--profile", "work"])


def replaced(home, kind):
    path = home.session()
    os.rename(path, path + "-elsewhere")
    if kind == "link":
        os.symlink(path + "-elsewhere", path)
    elif kind == "dangling link":
        os.symlink(path + "-nowhere", path)
    elif kind == "folder":
        os.mkdir(path)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)


def sessions(home):
    home.session()
    home.session("other", token="other")


def named(home, name):
    """Store a session under a name that is none, where a file system takes it."""
    if "/" in name or name.strip(".") == "" or len(name) > 255:
        home.session()
    else:
        home.session(name)


def by_way_of_a_link(home):
    """``link/..`` is one folder by its name, and another for the system."""
    home.session()
    home.session(folder="elsewhere", token="other")
    os.mkdir(os.path.join(home.folder, "elsewhere", "folder"))
    os.symlink(os.path.join("elsewhere", "folder"), os.path.join(home.folder, "link"))
    home.environ["OAUTH_CLI_HOME"] = os.path.join(home.folder, "link", "..")


def default(data, kind=""):
    def prepare(home):
        sessions(home)
        path = home.file("default", data)
        if kind == "link":
            os.rename(path, path + "-elsewhere")
            os.symlink(path + "-elsewhere", path)
        elif kind == "foreign":
            os.chown(path, 12345, -1)

    return prepare


def readable_default(home):
    sessions(home)
    home.file("default", b"other\n", 0o644)


def plain(**environ):
    def prepare(home):
        sessions(home)
        for name, value in environ.items():
            home.environ[name] = value.replace("HOME", home.folder)
            if value == "-":
                del home.environ[name]

    return prepare


def xdg(state="xdg/s", config="xdg/c", config_file=None, **environ):
    """Use XDG's folders; what begins with a slash is put behind the machine's own folder."""

    def prepare(home):
        del home.environ["OAUTH_CLI_HOME"]
        home.session(folder=os.path.join(state, "oauth-cli"))
        for name, value in {"XDG_STATE_HOME": "/" + state, "XDG_CONFIG_HOME": "/" + config, **environ}.items():
            if value == "-":
                home.environ.pop(name, None)
            else:
                home.environ[name] = home.folder + value if value.startswith("/") else value
        if config_file is not None:
            config_file(home)

    return prepare


def spoilt(data):
    return lambda home: home.session(data=data)


def in_the_way(kind):
    def prepare(home):
        path = os.path.join(home.folder, "xdg", "c")
        if kind == "file":
            home.file("xdg/c", b"", mode=0o700)
        elif kind == "loop":
            os.symlink(path, path)
        elif kind == "dangling":
            os.symlink(path + "-nowhere", path)
        elif kind == "config loop":
            os.makedirs(os.path.join(path, "oauth-cli"))
            os.symlink("config.toml", os.path.join(path, "oauth-cli", "config.toml"))

    return prepare


def head(**changes):
    return lambda home: home.session(**changes)


def mode(bits):
    return lambda home: home.session(mode=bits)


def config(seconds):
    return lambda home: (home.session(), home.config(seconds))


def measured(prepare):
    """Let GNU's tools tell sizes in other units."""

    def prepare_and_measure(home):
        prepare(home)
        home.session("a")
        home.environ.update(BLOCK_SIZE="1M", LS_BLOCK_SIZE="1K")

    return prepare_and_measure


def foreign(home):
    os.chown(home.session(), 12345, -1)


def large(size):
    return lambda home: (os.truncate(path := home.session(), size), os.utime(path, (NOW - 100, NOW - 100)))


RIGHT = session()
TABLE = [
    # which profile
    Row("--profile NAME", "sh", sessions),
    Row("--profile=NAME", "sh", sessions, ["token", "--profile=work"]),
    Row("OAUTH_CLI_PROFILE", "sh", plain(OAUTH_CLI_PROFILE="other"), ["token"]),
    Row("--profile beats it", "sh", plain(OAUTH_CLI_PROFILE="other")),
    Row("an empty OAUTH_CLI_PROFILE and no default", "python", plain(OAUTH_CLI_PROFILE=""), ["token"]),
    Row("an invalid OAUTH_CLI_PROFILE", "python", plain(OAUTH_CLI_PROFILE="../work"), ["token"]),
    Row("a default", "sh", default(b"other\n"), ["token"]),
    Row("a default without a newline", "sh", default(b"other"), ["token"]),
    Row("--profile beats the default", "sh", default(b"other\n")),
    *(
        Row(f"a default of {data!r}", "python", default(data), ["token"])
        for data in [
            b"", b"\n", b"\nwork\n", b"work\n\n", b"work\nwork\n", b"work\nwork", b"work\r\n", b"work \n", b" work\n",
            b"wo\0rk\n", b"work\0\n", b"work\n\0", b"\0work", b"w\xc3\xb6rk\n", b"w\xf6rk\n", b"Work\n", b"../work\n",
        ]
    ),
    Row("a default behind a link", "python", default(b"work\n", "link"), ["token"]),
    Row("somebody else's default", "python", default(b"work\n", "foreign"), ["token"]),
    Row("no default", "python", sessions, ["token"]),
    # command lines
    *(
        Row(f"argv {argv}", "python", default(b"work\n"), argv)
        for argv in [
            [], ["login"], ["token", "--json"], ["token", "--profile"], ["token", "--profile="], ["token", ""],
            ["token", "--profile", ""], ["token", "work"], ["token", "--prof", "work"], ["--profile", "work", "token"],
            ["token", "--profile", "work", "-v"], ["token", "--profile=work", "-v"], ["token", "--profile", "work", ""],
            ["tokens", "--profile", "work"], ["token ", "--profile", "work"], ["token", "--profile", "work\n"],
            ["token", "-h"], ["token", "--min-valid", "5"], ["", "token"], ["token", "--profile= work"],
        ]
    ),
    # names
    *(
        Row(f"a profile called {name}", "sh", lambda home, name=name: home.session(name), ["token", "--profile", name])
        for name in ["a", "0", "idp.example.com", "a-b_c.d", "x" * 64, "console", "com", "com10", "zyxwvutsrq9"]
    ),
    *(
        Row(f"a profile called {name[:20]!r}", "python", lambda home, name=name: named(home, name),
            ["token", "--profile", name])
        for name in [
            ".", "..", ".work", "-x", "_x", "a.", "../sessions/work", "work/", "./work", "Work", "wo rk", "work\n",
            "a:b", "wörk", "\N{GRINNING FACE}", "x" * 65, "x" * 300, "con", "nul.txt", "com1", "lpt9.x", "aux", "prn",
            "*", "w?rk", "[w]ork", "$HOME", "`id`", "a\\b",
        ]
    ),
    # where things are
    Row("OAUTH_CLI_HOME ends in slashes", "sh", plain(OAUTH_CLI_HOME="HOME//")),
    Row("OAUTH_CLI_HOME with a dot", "sh", plain(OAUTH_CLI_HOME="HOME/./.")),
    Row("OAUTH_CLI_HOME by way of another folder", "either", plain(OAUTH_CLI_HOME="HOME/sessions/..")),
    Row("OAUTH_CLI_HOME by way of a link", "either", by_way_of_a_link),
    Row("a relative OAUTH_CLI_HOME", "either", plain(OAUTH_CLI_HOME=".")),
    Row("a HOME that holds nothing, behind OAUTH_CLI_HOME", "sh", plain(HOME="/nonexistent")),
    Row("OAUTH_CLI_HOME without HOME", "sh", plain(HOME="-")),
    Row("OAUTH_CLI_HOME that is not there", "python", plain(OAUTH_CLI_HOME="HOME/nowhere")),
    Row("an empty OAUTH_CLI_HOME", "python", plain(OAUTH_CLI_HOME="")),
    Row("a strange folder", "sh", lambda home: (home.session(folder="a *'\"$x\n\\é"),
        home.environ.update(OAUTH_CLI_HOME=home.folder + "/a *'\"$x\n\\é"))),
    Row("XDG's folders", "sh", xdg()),
    Row("XDG's folders, and an old config", "sh", xdg(config_file=lambda home: home.config(-10, "xdg/c/oauth-cli"))),
    Row("XDG's folders, and a new config", "python", xdg(config_file=lambda home: home.config(10, "xdg/c/oauth-cli"))),
    Row("XDG's defaults", "sh", xdg(".local/state", ".config", XDG_STATE_HOME="-", XDG_CONFIG_HOME="-")),
    Row("XDG's defaults where the variables are empty", "sh",
        xdg(".local/state", XDG_STATE_HOME="", XDG_CONFIG_HOME="")),
    Row("XDG's defaults where the variables are relative", "sh",
        xdg(".local/state", XDG_STATE_HOME="xdg/s", XDG_CONFIG_HOME="./c")),
    Row("XDG's defaults, and a new config", "python",
        xdg(".local/state", XDG_STATE_HOME="-", XDG_CONFIG_HOME="-",
            config_file=lambda home: home.config(10, ".config/oauth-cli"))),
    Row("a relative HOME", "python", xdg("s/.local/state", XDG_STATE_HOME="-", HOME="s")),
    Row("no HOME", "python", xdg(XDG_STATE_HOME="-", HOME="-")),
    Row("no HOME where XDG's folders are named", "sh", xdg(HOME="-")),
    Row("no HOME, and config is in it", "either", xdg(XDG_CONFIG_HOME="-", HOME="-")),
    Row("an empty HOME", "python", xdg(XDG_STATE_HOME="-", HOME="")),
    # the file
    Row("a lifetime that nobody named", "sh", head(expires_at=0)),
    Row("a minute and more is left", "sh", head(expires_at=NOW + LATER)),
    Row("less than a minute is left", "python", head(expires_at=NOW + 60)),
    Row("expired", "python", head(expires_at=NOW - 1)),
    Row("expired long ago", "python", head(expires_at=1)),
    Row("from the future", "python", head(issued_at=NOW + LATER, expires_at=NOW + 2 * LATER)),
    Row("from the future, without a lifetime", "python", head(issued_at=NOW + LATER, expires_at=0)),
    Row("nobody is signed in", "python", head(issued_at=0)),
    Row("numbers with zeros in front", "sh", head(expires_at=f"0{NOW + LATER}", issued_at="0000000089")),
    Row("a number of 12 digits", "python", head(expires_at="9" * 12)),
    Row("a number of 11 digits", "sh", head(expires_at="9" * 11)),
    Row("a number of 5,000 digits", "python", head(expires_at="9" * 5000)),
    *(
        Row(f"a number {number!r}", "python", head(expires_at=number))
        for number in ["-1", "+99999999999", "1e11", "0x7fffffff", "", "²", "99999999999 ", "9999\t", "PATH", "1+1"]
    ),
    *(
        Row(f"a head {line!r}", "python", head(head=line))
        for line in [
            "1", "1 2 3", "", f"2 {NOW + LATER} 9 {len(TOKEN)}", f"01 {NOW + LATER} 9 {len(TOKEN)}",
            f" 1 {NOW + LATER} 9 {len(TOKEN)}", f"1  {NOW + LATER} 9 {len(TOKEN)}", f"1 {NOW + LATER} 9 {len(TOKEN)} ",
            f"1 {NOW + LATER} 9 {len(TOKEN)} 1", f"1\t{NOW + LATER}\t9\t{len(TOKEN)}",
            f"1 {NOW + LATER} 9 {len(TOKEN)}\r", f"1 {NOW + LATER} \\9 {len(TOKEN)}", f"1 {NOW + LATER} 9 *",
        ]
    ),
    *(Row(f"a length {by:+} off", "python", head(length=len(TOKEN) + by)) for by in (-1, 1, 1000)),
    Row("a length with zeros in front", "sh", head(length=f"00{len(TOKEN)}")),
    Row("cut in the token", "python", spoilt(RIGHT[: RIGHT.index(b"e30")])),
    Row("cut behind the token", "python", spoilt(RIGHT[: RIGHT.index(b"\n{")])),
    Row("cut behind its newline", "sh", spoilt(RIGHT[: RIGHT.index(b"\n{") + 1])),
    Row("empty", "python", spoilt(b"")),
    Row("NULs", "python", spoilt(bytes(len(RIGHT)))),
    Row("NULs in the JSON, which is not read", "sh", spoilt(RIGHT + b"\0\0")),
    *(
        Row(f"a token of {token!r}", "python", head(token=token, length=length))
        for token, length in [
            ("", 0), ("a\nb", 3), ("a\rb", 3), ("ab\r", 3), ("a\0b", 3), ("a\0b", 2), ("\0", 0), ("ab\0", 2),
            ("a\x7fb", 3), ("a\x1bb", 3), ("\xe4b", 2), ("\xc3\xa4b", 2), ("\xc3\xa4b", 3), ("\xff", 1), ("a\tb", 3),
        ]
    ),
    Row("a NUL in the head", "python", spoilt(RIGHT.replace(b"1 ", b"1\0 ", 1))),
    *(Row(f"a token of {token!r}", "either", head(token=token))
      for token in ["a b", " a", "a\\b", "a|b!", "%s%d\\n", "-n"]),
    Row("a token of one letter", "sh", head(token="-")),
    Row("a token of many letters", "sh", head(token="aB3." * 1000)),
    Row("a token that no pipe takes at once", "either", head(token="a" * 5000)),
    *(Row(f"mode {bits:o}", "python", mode(bits)) for bits in (0o604, 0o640, 0o660, 0o644, 0o601, 0o610, 0o666)),
    *(Row(f"mode {bits:o}", "sh", mode(bits)) for bits in (0o400, 0o700)),
    Row("no file", "python", lambda home: None),
    *(Row(f"a {kind}", "python", lambda home, kind=kind: replaced(home, kind))
      for kind in ("link", "dangling link", "folder", "pipe")),
    Row("somebody else's", "python", foreign),
    Row("1 MiB", "sh", large(cached.MAX_SESSION_BYTES)),
    Row("larger than any session", "python", large(cached.MAX_SESSION_BYTES + 1)),
    # settings that may have changed
    Row("an older config", "sh", config(-10)),
    Row("a config of the same time", "python", config(0)),
    Row("a newer config", "python", config(10)),
    *(Row(f"config: {kind} in the way", "python", xdg(config_file=in_the_way(kind)))
      for kind in ("file", "loop", "config loop")),
    Row("config behind a link to nowhere", "either", xdg(config_file=in_the_way("dangling"))),
    Row("a config folder whose name is too long", "python", xdg(XDG_CONFIG_HOME="/" + "x" * 300)),
    *(Row(f"{name} is set", "python", plain(**{name: "x"}))
      for name in ("OAUTH_CLI_WORK_CLIENT_ID", "OAUTH_CLI_WORK_X", "OAUTH_CLI_WORK_", "OAUTH_CLI_WORK_CLIENT_SECRE")),
    Row("an empty setting", "python", plain(OAUTH_CLI_WORK_ISSUER="")),
    *(Row(f"{name} is set", "sh", plain(**{name: "x"}))
      for name in ("OAUTH_CLI_WORK_CLIENT_SECRET", "OAUTH_CLI_WORK_CLIENT_SECRET_COMMAND", "OAUTH_CLI_OTHER_CLIENT_ID",
                   "OAUTH_CLI_WORKS_X", "OAUTH_CLI_WORK", "oauth_cli_work_x")),
    Row("a secret and a setting", "python", plain(OAUTH_CLI_WORK_CLIENT_SECRET="x", OAUTH_CLI_WORK_DOMAIN="x")),
    Row("a setting's name as a value", "either", plain(NOTES="OAUTH_CLI_WORK_DOMAIN")),
    Row("a setting of a profile with punctuation", "python",
        lambda home: (home.session("idp.x-1_y"), home.environ.update(OAUTH_CLI_IDP_X_1_Y_ISSUER="x")),
        ["token", "--profile", "idp.x-1_y"]),
    Row("a setting of a profile with every letter", "python",
        lambda home: (home.session("the.quick-brown_fox9jumps0over1lazy.dogs"),
                      home.environ.update(OAUTH_CLI_THE_QUICK_BROWN_FOX9JUMPS0OVER1LAZY_DOGS_ISSUER="x")),
        ["token", "--profile", "the.quick-brown_fox9jumps0over1lazy.dogs"]),
    # the rest of the environment
    Row("a large environment", "sh", plain(**{f"V{number}": "x" * 200 for number in range(100)})),
    Row("values that look like what stat prints", "sh", plain(ZZZ="\n5 600 99999999999", _ZZ="600", A="5\n* ?")),
    *(Row(f"a default of {data!r}, measured in blocks", answers, measured(default(data)), ["token"])
      for data, answers in [(b"work\n", "sh"), (b"a\0", "python"), (b"other\0\n", "python")]),
    Row("larger than any session, measured in blocks", "python", measured(large(cached.MAX_SESSION_BYTES + 1))),
    Row("IFS in the environment", "sh", plain(IFS="0123456789")),
    Row("settings of the shell in the environment", "sh",
        plain(POSIXLY_CORRECT="1", OPTIND="9", PS4="x", CDPATH="/", ENV="/nowhere", BASH_ENV="/nowhere", OLDPWD="/")),
    Row("nothing else in the environment", "either", plain(HOME="-", LANG="-")),
    Row("a default that others can read", "sh", readable_default, ["token"]),
    *(Row(f"LC_ALL={name}", "sh", plain(LC_ALL=name)) for name in ("C", "C.UTF-8", "", "POSIX")),
    Row("the names of the launcher's own variables", "sh", plain(
        profile="x", config="x", state="x", default="x", default_length="9", version="1", source="x", offset="x",
        now="0", rest="x", prefix="OAUTH_CLI_", length="1", seen="x", expires_at="1", issued_at="1", letter="x")),
]  # fmt: skip
