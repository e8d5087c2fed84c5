import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clawsocket.claude.json_text import Node, Number, Style, append, apply, delete, parse, replace
from tests.support.json_texts import settings_texts


def plain(node: Node) -> object:
    """Turn a node into what json.loads makes of its text."""
    if isinstance(node.value, dict):
        return {child.key: plain(child.node) for child in node.children}
    if isinstance(node.value, list):
        return [plain(child.node) for child in node.children]
    return json.loads(node.value.text) if isinstance(node.value, Number) else node.value


def refuse(constant: str) -> None:
    raise ValueError(constant)


@given(settings_texts())
def test_it_reads_what_the_standard_library_reads(text: str) -> None:
    assert plain(parse(text)) == json.loads(text)


@given(st.text(alphabet='{}[],:"\\u0123456789eE+-.truefalsn \n\t\x00\x1f\u00a0', max_size=12))
@example('{"a":1,}')
@example("[1,]")
@example("[,1]")
@example("01")
@example('"\\x"')
@example('"\n"')
@example("1 2")
@example("\u0661")
@example("")
def test_it_refuses_what_the_standard_library_refuses(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - any
            parse(text)
    else:
        assert plain(parse(text)) == expected


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[" * 100_000, '{"a":' * 100_000, "{'a': 1}", '{"a": 1} // no'])
def test_what_javascript_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any
        parse(text)


def test_an_error_says_where() -> None:
    with pytest.raises(ValueError, match=r"',' or '}' was expected: line 3 column 1"):
        parse('{\n  "a": 1\n"b": 2}')


@given(settings_texts())
def test_every_place_is_right(text: str) -> None:
    def check(node: Node) -> None:
        assert plain(node) == json.loads(text[node.start : node.end])
        for child in node.children:
            assert child.key is None or json.loads(text[child.start : child.key_end]) == child.key
            check(child.node)

    check(parse(text))


def test_a_key_that_repeats_is_ambiguous() -> None:
    node = parse('{"a": 1, "b": 2, "a": 3}')
    assert node.value["a"] == Number("3")
    with pytest.raises(ValueError, match='"a" is there 2 times'):
        node.get("a")


@given(settings_texts(), st.integers(1, 3))
def test_what_is_appended_and_deleted_leaves_the_text_as_it_was(text: str, count: int) -> None:
    root = parse(text)
    added = [(f"new{number}", {"x": [number]}) for number in range(count)]
    longer = apply(text, [append(text, Style.of(text, root), root, added)])
    expected = {**json.loads(text), **dict(added)}
    assert json.loads(longer) == expected
    assert list(json.loads(longer)) == list(expected)
    node = parse(longer)
    doomed = [index for index, child in enumerate(node.children) if child.key and child.key.startswith("new")]
    assert apply(longer, delete(node, doomed)) == text


@given(settings_texts(), st.data())
def test_what_is_deleted_leaves_the_others(text: str, data: st.DataObject) -> None:
    root = parse(text)
    doomed = sorted(data.draw(st.sets(st.sampled_from(range(len(root.children)))) if root.children else st.just(set())))
    kept = [child for index, child in enumerate(root.children) if index not in doomed]
    shorter = parse(apply(text, delete(root, doomed)))
    assert [(child.key, plain(child.node)) for child in shorter.children] == [(c.key, plain(c.node)) for c in kept]


@pytest.mark.parametrize(
    ("text", "longer"),
    [
        ("{}", '{\n  "n": [\n    1\n  ]\n}'),
        ('{"a":1}', '{"a":1,"n":[1]}'),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "n": [1]}'),
        ('{ "a" : 1 }', '{ "a" : 1, "n" : [1] }'),
        ('{\n    "a": 1\n}\n', '{\n    "a": 1,\n    "n": [\n        1\n    ]\n}\n'),
        ('{\r\n\t"a":1\r\n}', '{\r\n\t"a":1,\r\n\t"n":[\r\n\t\t1\r\n\t]\r\n}'),
        ('{\n"a":1\n}', '{\n"a":1,\n"n":[\n1\n]\n}'),
    ],
)
def test_new_text_follows_the_style(text: str, longer: str) -> None:
    root = parse(text)
    assert apply(text, [append(text, Style.of(text, root), root, [("n", [1])])]) == longer


def test_a_replaced_value_follows_the_style_of_its_line() -> None:
    text = '{\n  "a": [\n    {"old": 1},\n    2, 3\n  ]\n}'
    items = parse(text).children[0].node.children
    style = Style.of(text, parse(text))
    new = apply(text, [replace(text, style, items[0], {"new": 1}), replace(text, style, items[2], {"new": 2})])
    assert new == '{\n  "a": [\n    {\n      "new": 1\n    },\n    2, {"new": 2}\n  ]\n}'
