"""When a process that dies is started again."""

import time
from pathlib import Path

from launcher.supervisor import LONGEST_BACK_OFF, Kept


class Dying:
    """A process that ends as soon as it is started."""

    title = "It"

    def __init__(self, log: Path) -> None:
        self.log, self.starts = log, 0
        log.write_text("why\n")

    def start(self) -> None:
        self.starts += 1

    def ended(self) -> str:
        return "exit code 1"


def test_one_that_has_failed_for_hours_is_still_started_again(tmp_path, capsys):
    process = Dying(tmp_path / "log")
    kept, pauses = Kept(process), []  # type: ignore[arg-type]
    for _ in range(1500):
        kept.look_after()
        pauses.append(round(kept.start_at - time.monotonic()))
        kept.start_at = time.monotonic()  # as when that time has passed
        kept.look_after()
    assert process.starts == 1501
    assert pauses == [1, 2, 4, 8, *[LONGEST_BACK_OFF] * 1496]
    assert capsys.readouterr().err.count("why") + capsys.readouterr().out.count("why") <= 1
