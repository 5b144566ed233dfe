"""Frozen dataclasses, made in a twentieth of the time.

``dataclasses`` writes and compiles six methods for each class: for all of ours that takes twice as long as Python takes
to start. Here the methods are written once, and look up what differs. Invariants:

- Type checkers are shown ``dataclasses`` itself, and what they accept behaves as there: arguments, ``repr``, equality,
  hash, frozen fields, ``match``, and ``dataclasses.fields``, ``replace`` and ``asdict``. A test holds the two together.
- What is not here is refused by name: only ``dataclass(frozen=True)``, and no subclass of another one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field, replace
    from typing import Any, Literal, NoReturn

    __all__ = ["dataclass", "field", "replace"]
else:
    _NONE = object()

    def dataclass(*, frozen: Literal[True]) -> Callable[[type], type]:
        """Return what makes a class one whose annotations are the fields of its values."""
        assert frozen  # noqa: S101 - type checkers see to it
        return _made

    class field:  # noqa: N801 - it stands for the function of that name
        """What is to be said of a field beside its type."""

        __slots__ = ("default", "default_factory", "repr")

        def __init__(
            self,
            *,
            default: object = _NONE,
            default_factory: Callable[[], object] | None = None,
            repr: bool = True,  # noqa: A002 - the name that dataclasses has for it
        ) -> None:
            self.default = default
            self.default_factory = default_factory
            self.repr = repr

    def replace(value: Any, /, **changes: object) -> Any:
        """Return a copy with some fields changed."""
        return value.__class__(**{**value.__dict__, **changes})

    class _Fields:
        """The attribute that ``dataclasses`` knows its own by; made where somebody asks."""

        def __get__(self, _value: object, owner: type) -> dict[str, object]:
            import dataclasses  # noqa: PLC0415 - what this module saves

            def described(name: str) -> object:
                made = {"repr": name not in owner.__hidden__}
                if name in owner.__factories__:
                    made["default_factory"] = owner.__factories__[name]
                elif name in owner.__dict__:
                    made["default"] = owner.__dict__[name]
                return dataclasses.field(**made)

            fields = [(name, kind, described(name)) for name, kind in owner.__annotations__.items()]
            return dataclasses.make_dataclass(owner.__name__, fields).__dataclass_fields__

    def _made(cls: type) -> type:
        if hasattr(cls, "__dataclass_fields__"):
            raise TypeError(f"{cls.__name__} cannot extend another dataclass")
        cls.__match_args__ = tuple(cls.__annotations__)
        cls.__factories__ = {}
        cls.__hidden__ = set()
        for name, said in [(name, said) for name, said in cls.__dict__.items() if type(said) is field]:
            if said.default is _NONE:
                delattr(cls, name)
            else:
                setattr(cls, name, said.default)
            if said.default_factory:
                cls.__factories__[name] = said.default_factory
            if not said.repr:
                cls.__hidden__.add(name)
        for name, method in _METHODS.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return cls

    def _init(self: Any, /, *values: object, **named: object) -> None:
        cls = self.__class__
        names = cls.__match_args__
        fields = dict(zip(names, values, strict=False))
        if len(values) > len(names) or not fields.keys().isdisjoint(named) or not named.keys() <= set(names):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}: each at most once, and nothing else")
        fields.update(named)
        for name in names:
            if name not in fields:
                if name in cls.__factories__:
                    fields[name] = cls.__factories__[name]()
                elif name in cls.__dict__:
                    fields[name] = cls.__dict__[name]
                else:
                    raise TypeError(f"{cls.__name__} needs {name}")
        self.__dict__.update(fields)

    def _repr(self: Any) -> str:
        shown = [name for name in self.__match_args__ if name not in self.__hidden__]
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def _values(self: Any) -> tuple[object, ...]:
        return tuple(self.__dict__[name] for name in self.__match_args__)

    def _eq(self: Any, other: object) -> bool:
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def _hash(self: Any) -> int:
        return hash(_values(self))

    def _refuse(self: Any, name: str, _value: object = None) -> NoReturn:
        from dataclasses import FrozenInstanceError  # noqa: PLC0415 - what this module saves

        raise FrozenInstanceError(f"{self.__class__.__name__} is frozen, and so is its {name}")

    _METHODS = {
        "__init__": _init,
        "__repr__": _repr,
        "__eq__": _eq,
        "__hash__": _hash,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__dataclass_fields__": _Fields(),
    }
