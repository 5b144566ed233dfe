"""Frozen values are dataclasses to everybody but the clock: each behaviour is held to ``dataclasses`` itself."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle

import pytest

import oauth_cli_login.values
from oauth_cli_login.values import dataclass, field, replace


def made(dataclass, field):
    """Return the same class, made by one or by the other."""

    @dataclass(frozen=True)
    class Token:
        """One of each kind of field."""

        name: str
        secret: str = field(repr=False)
        scopes: tuple[str, ...] = ()
        extra: dict[str, str] = field(default_factory=dict, repr=False)
        kind: str | None = field(default="Bearer")

        @property
        def label(self):
            return f"{self.name} {self.kind}"

    return Token


OURS, THEIRS = made(dataclass, field), made(dataclasses.dataclass, dataclasses.field)
Picklable = OURS
Picklable.__qualname__ = "Picklable"
both = pytest.mark.parametrize("token", [OURS, THEIRS], ids=["ours", "theirs"])


@both
@pytest.mark.parametrize(
    ("values", "named", "fields"),
    [
        (("a", "s"), {}, ("a", "s", (), {}, "Bearer")),
        (("a",), {"secret": "s", "kind": None}, ("a", "s", (), {}, None)),
        ((), {"secret": "s", "name": "a", "extra": {"k": "v"}}, ("a", "s", (), {"k": "v"}, "Bearer")),
        (("a", "s", ("x",), {"k": "v"}, "DPoP"), {}, ("a", "s", ("x",), {"k": "v"}, "DPoP")),
    ],
)
def test_arguments_are_taken_by_place_and_by_name(token, values, named, fields):
    value = token(*values, **named)
    assert (value.name, value.secret, value.scopes, value.extra, value.kind) == fields
    assert dataclasses.astuple(value) == fields
    assert value.label == f"a {fields[-1]}"


@both
@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), (("a",), {}), (("a", "s"), {"name": "b"}), (("a", "s"), {"nmae": "b"}), (tuple("abcdef"), {})],
    ids=["nothing", "one is missing", "one twice", "misspelt", "too many"],
)
def test_other_arguments_are_a_type_error(token, values, named):
    with pytest.raises(TypeError):
        token(*values, **named)


@both
def test_what_is_hidden_is_not_in_the_repr(token):
    assert repr(token("a", "s")).rpartition(".")[2] in (
        "Token(name='a', scopes=(), kind='Bearer')",
        "Picklable(name='a', scopes=(), kind='Bearer')",
    )


@both
def test_each_value_has_a_default_of_its_own_from_the_factory(token):
    assert token("a", "s").extra is not token("a", "s").extra


@both
def test_values_are_equal_by_their_fields_and_class(token):
    other = made(dataclass, field)
    assert token("a", "s") == token("a", "s")
    assert token("a", "s") != token("a", "t")
    assert token("a", "s") != other("a", "s")
    assert token("a", "s") != ("a", "s", (), {}, "Bearer")


@both
def test_values_are_hashed_by_their_fields(token):
    assert hash(token("a", "s", extra=())) == hash(token("a", "s", extra=()))
    assert len({token(name, "s", extra=()) for name in "aab"}) == 2
    with pytest.raises(TypeError):
        hash(token("a", "s"))  # a dict has no hash


@both
@pytest.mark.parametrize("name", ["name", "kind", "other"])
def test_a_value_is_frozen(token, name):
    value = token("a", "s")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(value, name)
    assert value == token("a", "s")


@pytest.mark.parametrize(
    ("token", "replace"),
    [(OURS, replace), (OURS, dataclasses.replace), (THEIRS, dataclasses.replace)],
    ids=["ours", "ours by dataclasses", "theirs"],
)
def test_a_copy_with_changes_leaves_the_value_as_it_is(token, replace):
    value = token("a", "s")
    assert replace(value, name="b", kind=None) == token("b", "s", kind=None)
    assert value == token("a", "s")
    with pytest.raises(TypeError):
        replace(value, nmae="b")


def test_dataclasses_says_the_same_of_both():
    assert dataclasses.is_dataclass(OURS)
    told = [
        [(f.name, f.type, f.default, f.default_factory, f.repr, f.init) for f in dataclasses.fields(token)]
        for token in (OURS, THEIRS)
    ]
    assert told[0] == told[1]
    assert dataclasses.asdict(OURS("a", "s")) == dataclasses.asdict(THEIRS("a", "s"))
    assert OURS.__match_args__ == THEIRS.__match_args__


@both
def test_a_value_can_be_matched_and_copied(token):
    match token("a", "s"):
        case token(name, secret):
            assert (name, secret) == ("a", "s")
    assert copy.deepcopy(token("a", "s")) == token("a", "s")


def test_a_value_can_be_pickled():
    assert pickle.loads(pickle.dumps(Picklable("a", "s"))) == Picklable("a", "s")


def test_a_subclass_of_one_is_refused():
    with pytest.raises(TypeError, match="cannot extend"):

        @dataclass(frozen=True)
        class More(OURS):
            more: str


def test_type_checkers_see_dataclasses():
    with open(oauth_cli_login.values.__file__, encoding="utf-8") as file:
        branch = next(node for node in ast.parse(file.read()).body if isinstance(node, ast.If))
    shown = {alias.name for node in branch.body if getattr(node, "module", "") == "dataclasses" for alias in node.names}
    assert shown == {"dataclass", "field", "replace"}
