"""What is shown while one waits, by where it is shown."""

from __future__ import annotations

import io

import pytest

from tests.cli.world import guestbook
from tiphys.cli.app.resources import rows_of
from tiphys.cli.app.views import Lines, LiveTable, Silent, choose_view
from tiphys.model.application import Application

APP = Application(guestbook())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_scripts_get_lines(capsys: pytest.CaptureFixture[str]) -> None:
    view = choose_view("wide")
    assert isinstance(view, Lines)
    view.show(APP, [])
    view.show(APP, rows_of(APP)[:1])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("TIMESTAMP  GROUP        KIND   NAMESPACE")
    assert lines[1].endswith("secret/guestbook-secret created")
    assert len(lines) == 2


def test_objects_are_printed_alone() -> None:
    assert isinstance(choose_view("json"), Silent)
    assert isinstance(choose_view("yaml"), Silent)


def test_terminals_get_a_live_table_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    view = choose_view("wide")
    assert isinstance(view, LiveTable)
    view.show(APP, rows_of(APP))
    view.close()
    assert out.getvalue() == ""
    shown = err.getvalue()
    assert "guestbook-secret" in shown
    assert "argocd/guestbook · Synced · Healthy · Succeeded" in shown


def test_a_redirected_output_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stderr", Terminal())
    assert isinstance(choose_view("wide"), Lines)
