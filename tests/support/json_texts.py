"""Settings files as people and programs write them: any JSON, in any layout, with any hooks."""

import json

from hypothesis import strategies as st

SPACE = st.sampled_from(["", " ", "\n", "\n  ", "\n    ", "\n\t", "\r\n  ", "\r\n\r\n\t", "  \n "])
KEYS = st.sampled_from(["a", "model", "env", "_tag", "ünï", "hooks", "matcher", "type", "command", ""])
EVENTS = st.sampled_from(["Stop", "SessionEnd", "PreToolUse", "Nonsense", "WorktreeCreate", ""])
NUMBERS = st.sampled_from(["0", "-0", "1.0", "1e3", "1E+40", "-12.50e-7", "123456789012345678901234567890"])


STRINGS = st.sampled_from(
    [
        '""',
        '"x"',
        '"a b"',
        '"ünï 日本"',
        '"\\u00fc"',
        '"\\ud83d\\ude00"',
        '"\\/\\"\\\\ \\n"',
        '"\u2028"',
        '"{\\"Stop\\": []}"',
        '"claw-socket"',
        '": claw-socket spool hook; old"',
    ]
)


@st.composite
def containers(
    draw: st.DrawFn, brackets: str, items: st.SearchStrategy[str], *, most: int = 3, unique: bool = False
) -> str:
    """Join items in any layout. An empty container has no space in it: what is put in and taken out leaves none."""
    listed = draw(
        st.lists(items, max_size=most, unique_by=(lambda item: item.partition(":")[0].strip()) if unique else None)
    )
    spaced = [draw(SPACE) + item + draw(SPACE) for item in listed]
    return brackets[0] + ",".join(spaced) + brackets[1]


@st.composite
def members(draw: st.DrawFn, keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> str:
    return draw(keys.map(json.dumps)) + draw(SPACE) + ":" + draw(SPACE) + draw(values)


SCALARS = STRINGS | NUMBERS | st.sampled_from(["true", "false", "null"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: containers("[]", inner) | containers("{}", members(KEYS.filter(lambda key: key != "hooks"), inner)),
    max_leaves=6,
)
COMMANDS = containers("{}", members(st.sampled_from(["type", "command", "timeout"]), SCALARS))
ENTRIES = VALUES | containers(
    "{}", members(st.just("hooks"), containers("[]", COMMANDS)) | members(st.just("matcher"), SCALARS), unique=True
)
HOOKS = containers("{}", members(EVENTS, containers("[]", ENTRIES)), unique=True)
OTHERS = members(KEYS.filter(lambda key: key != "hooks"), VALUES)


@st.composite
def settings_texts(draw: st.DrawFn) -> str:
    listed = draw(st.lists(OTHERS, max_size=4))
    if draw(st.booleans()):
        listed.insert(draw(st.integers(0, len(listed))), draw(members(st.just("hooks"), HOOKS)))
    spaced = [draw(SPACE) + item + draw(SPACE) for item in listed]
    return draw(SPACE) + "{" + ",".join(spaced) + "}" + draw(SPACE)
