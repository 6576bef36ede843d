"""How results are printed."""

import sys

import pytest

from services.client.output import Format, Row, field, show_document, show_rows

ROWS: list[Row] = [
    {"id": "C7061BAC-AFDC-4513-B24B-AA5F13A16123", "hosts": ["db-0", "db-1"], "text": "a\nb", "deep": {"er": True}},
    {"id": "x", "hosts": [], "text": None, "deep": None},
]
COLUMNS = (field("ID", "id", whole=True), field("HOSTS", "hosts"), field("TEXT", "text"), field("DEEP", "deep", "er"))


def test_a_piped_table_is_plain_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, Format.TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "HOSTS", "TEXT", "DEEP"]
    assert lines[1] == "C7061BAC-AFDC-4513-B24B-AA5F13A16123  db-0, db-1  a b   true"
    assert lines[2].split() == ["x", "-", "-", "-"]


def test_long_texts_are_cut_and_ids_never_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"id": "i" * 200, "text": "t" * 200}], (COLUMNS[0], COLUMNS[2]), Format.TABLE)
    assert capsys.readouterr().out.splitlines()[1] == f"{'i' * 200}  {'t' * 79}…"


def test_a_column_of_sentences_may_have_more_room(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"why": "w" * 300}], (field("WHY", "why", most=120),), Format.TABLE)
    assert capsys.readouterr().out.splitlines()[1] == f"{'w' * 119}…"


def test_ids_are_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    show_rows(ROWS, COLUMNS, Format.TABLE)
    assert "C7061BAC-AFDC-4513-B24B-AA5F13A16123" in capsys.readouterr().out


def test_nothing_to_list_is_said_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], COLUMNS, Format.TABLE)
    assert capsys.readouterr() == ("", "nothing found\n")
    show_rows([], COLUMNS, Format.JSON)
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    ("shape", "text"), [(Format.JSON, '{\n  "b": "é",\n  "a": null\n}\n'), (Format.YAML, "b: é\na: null\n")]
)
def test_documents_keep_their_order_and_letters(shape: Format, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_document({"b": "é", "a": None}, shape)
    assert capsys.readouterr().out == text
