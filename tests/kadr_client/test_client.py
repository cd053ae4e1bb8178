"""From pictures to answers and an exit code, against a service that keeps the contract."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import call_command

from kadr_client import cli, files
from tests.kadr_client import fake as faults
from tests.kadr_client.conftest import JPEG, command
from tests.kadr_client.fake import TOKEN

NAMES = ["a.JPG", "b.jpg", "c.jpeg", "deep/d.JPEG", "deep/e.jpg"]


def test_each_picture_has_its_line_in_the_order_of_the_input(client, pictures):
    outcome = client(pictures)
    assert outcome.code == 0
    assert [row["path"] for row in outcome.rows] == [str(pictures / name) for name in NAMES]
    assert {row["status"] for row in outcome.rows} == {"succeeded"}
    assert {(row["label"], row["confidence"]) for row in outcome.rows} == {("cat", "0.75")}
    assert outcome.one_line == "kadr: 5 pictures: 5 succeeded, 0 failed"


def test_what_arrives_is_what_lies_on_the_disk(client, fake, pictures):
    client(pictures, "--model", "tiny", "--top-k", "2")
    (form,) = fake.forms
    assert [name for name, _content in form["images"]] == [f"pictures/{n}" for n in NAMES]
    assert form["images"][3][1] == (pictures / "deep" / "d.JPEG").read_bytes()
    del form["fields"]["custom_id"]  # one a picture
    assert form["fields"] == {"model": "tiny", "top_k": "2"}


def test_json_lines_carry_the_whole_answer(client, pictures):
    items = client(pictures, "--format", "jsonl").items
    assert items[0]["result"]["top"][0]["label"] == "cat"
    assert items[0]["custom_id"] == "pictures/a.JPG"


def test_one_bad_picture_fails_alone(client, pictures):
    (pictures / "b.jpg").write_text("no JPEG")
    outcome = client(pictures)
    assert outcome.code == 1
    assert outcome.rows[1]["error"] == "UNSUPPORTED_MEDIA_TYPE: Not a JPEG"
    assert [row["status"] for row in outcome.rows].count("succeeded") == 4


@pytest.mark.parametrize("style", ["csv", "jsonl"])
def test_what_was_deleted_or_withheld_since_did_not_succeed(client, fake, pictures, style):
    withheld = {"code": "IMAGE_WITHHELD", "title": "Withheld"}
    fake.since = {
        "pictures/a.JPG": {"result": None, "deleted": True},
        "pictures/b.jpg": {"result": None, "deleted": False, "error": withheld},
        "pictures/c.jpeg": {"result": None, "deleted": True, "status": "canceled"},
        "pictures/deep/d.JPEG": {"result": None},
    }
    outcome = client(pictures, "--format", style)
    assert outcome.code == 1
    assert outcome.one_line == "kadr: 5 pictures: 1 succeeded, 4 failed"
    rows = outcome.rows if style == "csv" else outcome.items
    assert [row["status"] for row in rows] == [
        *("failed", "failed", "canceled", "failed", "succeeded")
    ]
    errors = [row["error"] if style == "csv" else row["error"]["code"] for row in rows[:4]]
    assert [error.split(":")[0] for error in errors] == [
        *("DELETED", "IMAGE_WITHHELD", "DELETED", "NO_RESULT")
    ]


def test_a_file_that_cannot_be_read_fails_alone(client, fake, pictures):
    (pictures / "b.jpg").unlink()
    (pictures / "b.jpg").symlink_to("nowhere")
    outcome = client(pictures)
    assert outcome.code == 1
    assert outcome.rows[1]["error"].startswith("NOT_SENT: cannot be read")
    assert "b.jpg cannot be read" in outcome.err and len(fake.names) == 4


def test_a_file_too_large_for_any_request_stays_here(client, fake, pictures, monkeypatch):
    monkeypatch.setattr("kadr_client.preparing.MOST_BYTES", files.FORM_BYTES + 100)
    (pictures / "b.jpg").write_bytes(JPEG * 10)
    outcome = client(pictures)
    assert outcome.code == 1 and "larger than" in outcome.rows[1]["error"]
    assert len(fake.names) == 4


def test_many_pictures_go_in_several_batches_one_ahead(client, fake, pictures, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    outcome = client(pictures)
    assert [row["path"] for row in outcome.rows] == [str(pictures / name) for name in NAMES]
    first = next(iter(fake.batches))
    kinds = ["send" if "POST" in line else "results" for line in fake.log if _is_step(line)]
    assert kinds == ["send", "send", "results", "send", "results", "results"]
    assert fake.log.index(f"GET /api/v1/batches/{first}") > [*fake.log].index(
        "POST /api/v1/batches"
    )


def _is_step(line: str) -> bool:
    return "POST" in line or "/results" in line


def test_a_file_for_the_answers_is_written(client, pictures, tmp_path):
    outcome = client(pictures, "--output", tmp_path / "out.csv")
    assert outcome.out == "" and len((tmp_path / "out.csv").read_text().splitlines()) == 6


def test_the_same_again_makes_no_second_batch(client, fake, pictures):
    assert client(pictures).out == client(pictures).out
    assert len(fake.batches) == 1


def test_another_option_does(client, fake, pictures):
    client(pictures)
    client(pictures, "--top-k", "1")
    assert len(fake.batches) == 2


@pytest.mark.parametrize("chosen", [[], ["--resume", "journal"]])
def test_another_model_is_asked_anew(client, fake, pictures, tmp_path, monkeypatch, chosen):
    monkeypatch.chdir(tmp_path)
    for fake.model in ("a" * 64, "b" * 64, "a" * 64):
        assert client(pictures, *chosen).code == 0
    assert len(fake.batches) == 2


def test_where_no_model_serves_the_same_again_is_still_known(client, fake, pictures):
    fake.model = ""
    client(pictures)
    assert client(pictures).code == 0 and len(fake.batches) == 1


def test_a_run_that_was_stopped_goes_on_with_the_model_that_serves_now(
    client, fake, pictures, monkeypatch
):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    fake.faulty, fake.faults = "/results", [faults.refuse("FORBIDDEN", 403)]
    assert client(pictures).code == 3
    fake.model = "b" * 64
    outcome = client(pictures)
    assert outcome.code == 0 and len(outcome.rows) == 5
    assert len(fake.batches) == 2 + 3  # none of the old model's is among the answers


def test_a_journal_saves_the_upload(client, fake, pictures, tmp_path):
    for _run in range(2):
        assert client(pictures, "--resume", tmp_path / "journal").code == 0
    assert fake.log.count("POST /api/v1/batches") == 1


def test_a_batch_that_was_deleted_is_sent_anew(client, fake, pictures, tmp_path):
    client(pictures, "--resume", tmp_path / "journal")
    fake.batches.clear()
    fake.keys.clear()
    assert client(pictures, "--resume", tmp_path / "journal").code == 0
    assert len(fake.batches) == 1


def test_a_run_that_was_refused_goes_on_where_it_was(client, fake, pictures, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    fake.faulty, fake.faults = "/results", [faults.refuse("FORBIDDEN", 403)]
    assert client(pictures).code == 3
    sent = fake.log.count("POST /api/v1/batches")
    assert client(pictures).code == 0
    assert fake.log.count("POST /api/v1/batches") == 3 and sent == 2


@pytest.mark.parametrize("fault", [faults.drop_before, faults.drop_after])
def test_a_dropped_connection_is_tried_again_and_makes_one_batch(client, fake, pictures, fault):
    fake.faults = [fault] * 3
    outcome = client(pictures)
    assert outcome.code == 0 and len(fake.batches) == 1
    assert "the connection was dropped; trying again in" in outcome.err


@pytest.mark.parametrize(
    ("status", "code"), [(429, "RATE_LIMITED"), (503, "QUEUE_FULL"), (409, "IDEMPOTENCY_IN_FLIGHT")]
)
def test_a_busy_service_is_asked_again_when_it_says(client, fake, pictures, naps, status, code):
    fake.faults = [faults.refuse(code, status, **{"Retry-After": "7"})] * 20
    outcome = client(pictures)
    assert outcome.code == 0 and naps.count(7) == 20
    assert f"The title of {code}. More ({code}); trying again in 7 s" in outcome.err


def test_without_a_time_it_is_asked_ever_less_often(client, fake, pictures, naps):
    fake.faults = [faults.refuse("QUEUE_FULL", 503)] * 12
    client(pictures)
    assert naps[0] <= 1 and 15 <= naps[11] <= 30


def test_a_proxy_s_trouble_is_passed_over(client, fake, pictures):
    fake.faults = [faults.page(502), faults.page(504)]
    assert client(pictures).code == 0


def test_trouble_that_does_not_end_ends_the_run(client, fake, pictures):
    fake.faults = [faults.page(502)] * 50
    outcome = client(pictures)
    assert outcome.code == 3
    assert outcome.err.splitlines()[-1] == f"kadr: no answer from {fake.url}: HTTP 502"


def test_results_cut_short_are_fetched_again_and_told_once(client, fake, pictures):
    fake.faulty, fake.faults = "/results", [faults.cut_short] * 2
    outcome = client(pictures)
    assert outcome.code == 0 and len(outcome.rows) == 5


def test_results_that_stay_short_end_the_run(client, fake, pictures):
    fake.faulty, fake.faults = "/results", [faults.cut_short] * 10
    outcome = client(pictures)
    assert outcome.code == 3 and "answers are missing" in outcome.one_line


def test_a_batch_that_was_canceled_still_gives_a_line_for_each(client, fake, pictures):
    fake.ends_as = "canceled"
    fake.faulty, fake.faults = "/results", [faults.cut_short]
    outcome = client(pictures)
    assert outcome.code == 1 and len(outcome.rows) == 5
    assert outcome.rows[-1]["error"] == "BATCH_ENDED: the batch is canceled"


def test_a_key_that_was_used_for_something_else_is_told(client, fake, pictures):
    fake.faults = [faults.refuse("IDEMPOTENCY_KEY_REUSED", 422)]
    outcome = client(pictures)
    assert outcome.code == 3 and "IDEMPOTENCY_KEY_REUSED" in outcome.one_line


def test_a_file_that_changes_meanwhile_is_told(client, pictures, monkeypatch):
    monkeypatch.setattr("kadr_client.preparing._digest", lambda _path: (3, "before"))
    outcome = client(pictures)
    assert outcome.code == 1 and "changed while it was being sent" in outcome.one_line


def test_a_wrong_token_is_told_before_anything_is_uploaded(client, fake, pictures):
    outcome = client(pictures, token="wrong")
    assert outcome.code == 3 and "(UNAUTHENTICATED); give another token" in outcome.one_line
    assert not [line for line in fake.log if "POST" in line]


def test_without_a_token_it_says_where_to_get_one(client, pictures):
    outcome = client(pictures, token="")
    assert outcome.code == 2 and "create_token" in outcome.one_line


def test_the_token_may_come_from_a_file_or_the_environment(client, pictures, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert client(pictures, "--token-file", tmp_path / "token", token="").code == 0
    monkeypatch.setenv("KADR_TOKEN", TOKEN)
    assert client(pictures, token="").code == 0


@pytest.mark.parametrize("token", ["two words", "żeton", "a\nb"])
def test_a_token_that_cannot_be_one_is_told(client, pictures, token):
    assert "characters" in client(pictures, token=token).one_line


def test_a_token_file_that_is_not_there_is_told(client, pictures, tmp_path):
    outcome = client(pictures, "--token-file", tmp_path / "gone", token="")
    assert outcome.code == 2 and "cannot read" in outcome.one_line


@pytest.mark.parametrize(
    "url",
    [
        *("kadr", "ftp://kadr", "http://", "http://a:b", "http://a b/"),
        *("http://a..b", "http://.a", f"http://{'a' * 64}.b"),
    ],
)
def test_an_address_that_is_none_is_told(client, pictures, url):
    outcome = client(pictures, url=url)
    assert outcome.code == 2 and "not an address" in outcome.one_line


def test_a_service_that_is_down_is_told_soon(client, fake, pictures, naps):
    fake.stop()
    outcome = client(pictures)
    assert outcome.code == 3 and sum(naps) < 5
    assert outcome.err.splitlines()[-1].endswith("nothing listens there")


@pytest.mark.parametrize("status", [200, 403, 404])
def test_another_server_is_told_apart(client, fake, pictures, status):
    fake.faulty, fake.faults = "GET", [faults.page(status)]
    outcome = client(pictures)
    assert outcome.code == 3
    assert outcome.one_line == f"kadr: not a Kadr server: {fake.url} (HTTP {status})"


def test_a_redirect_is_told_and_not_followed_with_the_token(client, fake, pictures):
    fake.faulty, fake.faults = "GET", [faults.page(301)]
    outcome = client(pictures)
    assert outcome.code == 3 and "https://kadr.example/" in outcome.one_line


def test_a_path_that_is_not_there_is_told(client, tmp_path):
    outcome = client(tmp_path / "gone")
    assert outcome.code == 2 and "no such file or folder" in outcome.one_line


def test_a_folder_without_jpegs_is_told(client, tmp_path):
    outcome = client(tmp_path)
    assert outcome.code == 2 and "no JPEGs" in outcome.one_line


@pytest.mark.parametrize("wrong", [["--top-k", "0"], ["--format", "xml"], ["--nonsense"]])
def test_wrong_usage_ends_with_two(client, pictures, wrong):
    assert client(pictures, *wrong).code == 2


def test_what_the_service_says_cannot_steer_the_terminal(client, fake, pictures):
    fake.faults = [faults.refuse("\x1b[2J\nFORBIDDEN", 403)]
    assert "\x1b" not in client(pictures).one_line


def test_manage_py_classify_is_the_same_client(fake, pictures, capsys, settings, monkeypatch):
    monkeypatch.setattr(cli, "end_by_unwinding", lambda: None)  # this process is not its own
    settings.HOST, settings.PORT = "0.0.0.0", fake.server.server_port
    with pytest.raises(SystemExit) as end:
        call_command("classify", str(pictures), token=TOKEN)
    assert end.value.code == 0 and len(capsys.readouterr().out.splitlines()) == 6


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_gets_130_and_a_line_and_the_next_run_goes_on(fake, pictures, stop):
    waiting, go_on = threading.Event(), threading.Event()
    fake.faulty = "/results"
    fake.faults = [lambda handler: (waiting.set(), go_on.wait(20), handler.drop())]
    written = pictures.parent / "written"
    written.mkdir()
    output = ["--output", written / "answers.csv"]
    process = command("--url", fake.url, "--token", TOKEN, *output, pictures)
    assert waiting.wait(20)
    process.send_signal(stop)
    _out, err = process.communicate(timeout=20)
    go_on.set()
    assert process.returncode == 130
    assert err == "kadr: stopped; the same command again goes on, and nothing is sent twice\n"
    assert list(written.iterdir()) == []
    again = command("--url", fake.url, "--token", TOKEN, pictures)
    assert len(again.communicate(timeout=20)[0].splitlines()) == 6
    assert again.returncode == 0 and fake.log.count("POST /api/v1/batches") == 1


def test_a_reader_that_goes_away_gets_no_traceback(fake, pictures):
    process = command("--url", fake.url, "--token", TOKEN, pictures)
    process.stdout.close()
    process.wait(timeout=20)
    assert process.returncode == 1 and process.stderr.read() == ""


def test_a_copy_of_the_folder_needs_python_and_nothing_else(fake, pictures, tmp_path):
    shutil.copytree(Path(files.__file__).parent, tmp_path / "copy" / "kadr_client")
    process = subprocess.run(
        # No site-packages.
        [sys.executable, "-S", "-m", "kadr_client", "--url", fake.url, "--token", TOKEN, pictures],
        cwd=tmp_path / "copy",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert process.returncode == 0 and len(process.stdout.splitlines()) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_answers_for_which_there_is_no_room_are_told_in_one_line(client, pictures):
    outcome = client(pictures, "--output", "/dev/full")
    assert outcome.code == 2
    assert outcome.one_line == "kadr: cannot write the output: No space left on device"
