"""A sidecar is small and shallow; a hostile one is one sentence, and at once."""

import time

import pytest

from schemas.errors import InputError
from tasks.ingest.sidecars import parse_sidecar

SIZE = 60_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a=" + b"[" * SIZE, "nested too deeply"),
        (b"a=" + b"{b=" * (SIZE // 3), "nested too deeply"),
        (b".".join([b"a"] * (SIZE // 2)) + b"=1", "nested too deeply"),
        (b".".join([b'"a"'] * (SIZE // 4)) + b"=1", "nested too deeply"),
        (b"[" + b" . ".join([b"a"] * (SIZE // 4)) + b"]", "nested too deeply"),
        (b"speakers=" + b"9" * SIZE, "number or key that is far too long"),
        (b"speakers=" + b"9" * 900_000, "larger than 64 kB"),
        (b"a=" + b"[" * 100_000, "larger than 64 kB"),
        (b"a" * SIZE + b"=1", "number or key that is far too long"),
        (b'"' + b"a" * SIZE + b'"=1', "There is no setting 'a"),
        (b'"' + b'\\"' * (SIZE // 2), "no TOML file"),
        (b'title = """', "no TOML file"),
        (b"[[x]]\n" * (SIZE // 6), "There is no setting 'x'"),
    ],
)
def test_a_monster_is_one_short_sentence_at_once(content: bytes, sentence: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(InputError, match=sentence) as caught:
        parse_sidecar(content, "m.toml")
    assert time.perf_counter() - begun < 2
    assert len(str(caught.value)) < 400


def test_brackets_dots_and_digits_inside_strings_are_no_nesting() -> None:
    content = 'title = "[[[[[[[[[[[[ a.b.c.d.e.f.g.h.i.j.k # [[[[[[[[[[[" # [[[[[[[[[[[[\n'
    content += 'participants = [{ name = \'a\\\', consent = false }, { name = """{{{{{{{{{{""" }]'
    sidecar = parse_sidecar(content.encode(), "m.toml")
    assert sidecar.title is not None
    assert sidecar.title.startswith("[[[")
    assert [(p.name, p.consent) for p in sidecar.participants] == [
        ("a\\", False),
        ("{{{{{{{{{{", True),
    ]


def test_a_hundred_participants_fit() -> None:
    people = ", ".join(f'{{ name = "Person Number {n}", consent = true }}' for n in range(400))
    assert len(parse_sidecar(f"participants = [{people}]".encode(), "m.toml").participants) == 400
