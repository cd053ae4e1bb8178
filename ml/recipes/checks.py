"""What a recipe may say. A misspelt word would be passed over, and a number out of range be told
when the run comes to it, hours later."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Rule(NamedTuple):
    said: str  # of what holds
    holds: Callable[[Any], bool]
    needed: bool = True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(least: int) -> Rule:
    said = f"a whole number, {least} at least"
    return Rule(said, lambda v: _number(v) and isinstance(v, int) and v >= least)


def _pair(said: str, least: float, most: float, kind: type | tuple[type, ...]) -> Rule:
    def holds(value: Any) -> bool:
        if not isinstance(value, list) or len(value) != 2:
            return False
        if not all(_number(v) and isinstance(v, kind) for v in value):
            return False
        return bool(least <= value[0] <= value[1] <= most)

    return Rule(said, holds)


def _one_of(*names: str) -> Rule:
    return Rule(" or ".join(names), lambda v: v in names)


def _optional(rule: Rule) -> Rule:
    return rule._replace(needed=False)


TEXT = Rule("a name", lambda v: isinstance(v, str))
NAMES = Rule(
    "a name or a list of names",
    lambda v: all(isinstance(name, str) for name in (v if isinstance(v, list) else [v])),
)
SWITCH = Rule("true or false", lambda v: isinstance(v, bool))
SHARE = Rule("from 0 to 1", lambda v: _number(v) and 0 <= v <= 1)
PART = Rule("above 0 and at most 1", lambda v: _number(v) and 0 < v <= 1)
BELOW_ONE = Rule("at least 0 and below 1", lambda v: _number(v) and 0 <= v < 1)
ABOVE_ZERO = Rule("a number above 0", lambda v: _number(v) and v > 0)
NOT_BELOW_ZERO = Rule("a number, 0 at least", lambda v: _number(v) and v >= 0)

TOP: Mapping[str, Rule] = {
    "architecture": _optional(TEXT),
    "from": _optional(TEXT),
    "blend": _optional(PART),
    "extra": _optional(TEXT),
    "precision": _optional(_one_of("float32", "mixed_bfloat16")),
    "seed": _whole(0),
    "epochs": _whole(1),
    "batch": _whole(1),
    "reviewed_share": _optional(PART),
}
OPTIONS = "options"  # of the network, which says itself what it takes
NEEDED = ("optimizer", "loss", "augment")
TABLES: Mapping[str, Mapping[str, Rule]] = {
    "optimizer": {
        "name": _one_of("adamw", "sgd"),
        "peak_learning_rate": ABOVE_ZERO,
        "warmup_epochs": NOT_BELOW_ZERO,
        "decay_epochs": NOT_BELOW_ZERO,
        "shape": _one_of("cosine", "linear"),
        "weight_decay": NOT_BELOW_ZERO,
        "momentum": _optional(BELOW_ONE),
        "shift_scale": _optional(ABOVE_ZERO),
        "lookahead": _optional(BELOW_ONE),
    },
    "loss": {"label_smoothing": BELOW_ONE},
    "augment": {
        "jpeg_share": SHARE,
        "jpeg_quality": _pair("two whole numbers from 1 to 100, the lesser first", 1, 100, int),
        "zoom_share": SHARE,
        "zoom": _pair("two sides from 0.1 to 4, the lesser first", 0.1, 4, (int, float)),
        "shift": _whole(0),
        "cutout": _whole(0),
        "cutmix_share": _optional(SHARE),
        "mirror": _optional(SWITCH),
        "jpeg_last": _optional(SWITCH),
    },
    "distillation": {"teacher": NAMES, "share": PART, "temperature": ABOVE_ZERO},
    "pruning": {"keep": PART, "until": SHARE},
    "resizing": {"side": _whole(8), "until": SHARE},  # three times halved it is still a point
    "averaging": {"after": SHARE},
}
FOR_SGD = ("momentum", "shift_scale")


def check(recipe: Mapping[str, Any]) -> None:
    """Raises ValueError, in one line, for the first word or number that a recipe cannot say."""
    for name in recipe:
        if name not in {*TOP, *TABLES, OPTIONS}:
            raise ValueError(f"{name} is not known; known: {_list([*TOP, OPTIONS, *TABLES])}")
    _check_table("", {n: v for n, v in recipe.items() if n in TOP}, TOP)
    for name in (*TABLES, OPTIONS):
        table = recipe.get(name)
        if table is None and name in NEEDED:
            raise ValueError(f"[{name}] is missing")
        if table is not None and not isinstance(table, Mapping):
            raise ValueError(f"[{name}] is a table")
        if table is not None and name != OPTIONS:
            _check_table(f"[{name}] ", table, TABLES[name])
    optimizer = recipe["optimizer"]
    if optimizer["name"] == "sgd" and (lacks := [n for n in FOR_SGD if n not in optimizer]):
        raise ValueError(f"[optimizer] {lacks[0]} is missing, which sgd needs")


def _check_table(where: str, table: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    for name, value in table.items():
        if name not in rules:
            raise ValueError(f"{where}{name} is not known; known: {_list([*rules])}")
        if not rules[name].holds(value):
            raise ValueError(f"{where}{name} is {rules[name].said}, and not {value!r}")
    for name, rule in rules.items():
        if rule.needed and name not in table:
            raise ValueError(f"{where}{name} is missing")


def _list(names: list[str]) -> str:
    return ", ".join(sorted(names))
