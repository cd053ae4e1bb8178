"""What is told on stderr, to a terminal, to a file, and where nobody reads it."""

import errno

import pytest

from kadr_client.progress import Progress


class Terminal:
    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_a_terminal_sees_a_bar_that_leaves_nothing_behind():
    terminal = Terminal()
    progress = Progress(terminal)
    progress.show(5, 10, "running")
    assert terminal.text.endswith("[############............] 5/10  running")
    progress.say("a word")
    assert "\r\x1b[Kkadr: a word\n" in terminal.text
    progress.close()
    assert terminal.text.endswith("\r\x1b[K")


def test_a_file_sees_no_bar(client, pictures):
    assert "[#" not in client(pictures).err


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), ValueError("it is closed")])
def test_a_run_goes_on_where_nobody_can_be_told(monkeypatch, fault):
    terminal = Terminal()
    progress = Progress(terminal)

    def fail() -> None:
        raise fault

    monkeypatch.setattr(terminal, "flush", fail)
    progress.show(5, 10, "running")
    progress.say("a word")
    progress.close()
    assert "a word" in terminal.text
