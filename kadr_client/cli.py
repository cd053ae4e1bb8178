"""The command line: what may be given, and one run from pictures to exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from kadr_client import errors, files, journal, output
from kadr_client.batches import Run
from kadr_client.errors import ClientError, OutputClosedError, UsageError
from kadr_client.http import Connection
from kadr_client.progress import Progress
from kadr_client.service import Service

URL = "http://127.0.0.1:8080"
ABOUT = "Classify JPEGs with Kadr. Folders are searched for *.jpg and *.jpeg."
EXITS = """exit codes: 0 all succeeded, 1 some failed, 2 wrong usage or nothing found,
3 the service could not be reached or refused, 130 interrupted. The same command again goes on where
it was stopped, and within a day, while the same model serves, only what is new or changed in the
folder is sent. --resume remembers that for longer."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m kadr_client", description=ABOUT, epilog=EXITS)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def add_arguments(parser: argparse.ArgumentParser, url: str = URL) -> None:
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="a JPEG, or a folder of them")
    add("--url", default=url, help="the service's address (%(default)s)")
    add("--token", help="what create_token printed; others may see it in the list of processes")
    add("--token-file", metavar="FILE", help="a file that holds it (else KADR_TOKEN is read)")
    add("--format", choices=output.FORMATS, default="csv", help="of the answers (%(default)s)")
    add("--output", metavar="FILE", help="where to, once all is there (standard output)")
    add("--model", help="the model that must answer: refused unless it serves")
    add("--top-k", type=_positive, metavar="K", help="how many labels an answer has")
    add("--resume", metavar="FILE", help="keep here what was sent (a file in your cache folder)")


def end_by_unwinding() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, which leaves no half of an output
    beside its target. For whoever owns the process. What it was told to ignore stays ignored."""
    for name in ("SIGTERM", "SIGHUP"):  # there is no SIGHUP on Windows
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def run(options: argparse.Namespace) -> int:
    progress = Progress()
    try:
        return _classify(options, progress)
    except OutputClosedError as error:
        _drop_standard_output()
        return error.exit_code
    except ClientError as error:
        progress.say(error)
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("stopped; the same command again goes on, and nothing is sent twice")
        return errors.INTERRUPTED
    finally:
        progress.close()


def _classify(options: argparse.Namespace, progress: Progress) -> int:
    connection = Connection(options.url, _token(options))
    pictures = files.find(options.paths)
    if not pictures:
        raise UsageError(f"no JPEGs (*.jpg, *.jpeg) in {', '.join(options.paths)}")
    asked = _asked(options)
    kept = _journal(options, asked)
    target = Path(options.output) if options.output else None
    with output.opened(target) as stream:
        service = Service(connection, progress)
        service.greet()
        run = Run(service, kept, progress, asked, service.model(), len(pictures))
        writer = output.Writer(stream, options.format)
        succeeded = 0
        for rows in run.rows(files.split(pictures)):
            writer.write(rows)
            succeeded += sum(row.succeeded for row in rows)
    kept.finish()
    failed = len(pictures) - succeeded
    progress.say(f"{len(pictures)} pictures: {succeeded} succeeded, {failed} failed")
    return errors.SOME_FAILED if failed else errors.ALL_SUCCEEDED


def _token(options: argparse.Namespace) -> str:
    token = options.token or os.environ.get("KADR_TOKEN", "")
    if options.token_file:
        token = _text(Path(options.token_file))
    token = token.strip()
    if not token:
        raise UsageError("no token: give --token-file or KADR_TOKEN; create_token makes one")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the token has characters that no token has")
    return token


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a text"
        raise UsageError(f"cannot read {path}: {why}") from error


def _asked(options: argparse.Namespace) -> dict[str, str]:
    """The form's text fields."""
    asked = {"model": options.model, "top_k": options.top_k}
    for value in asked.values():
        if isinstance(value, str) and not value.isprintable():
            raise UsageError("the model's name has characters that no name has")
    return {name: str(value) for name, value in asked.items() if value is not None}


def _journal(options: argparse.Namespace, asked: dict[str, str]) -> journal.Journal:
    if options.resume:
        return journal.Journal(Path(options.resume), chosen=True)
    places = [str(Path(path).resolve()) for path in options.paths]
    inputs = (options.url, *asked.items(), *places)
    return journal.Journal(journal.default_path(*map(str, inputs)))


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"not a whole number from 1 up: {text!r}")
    return int(text)


def _drop_standard_output() -> None:
    """Else Python complains at its end of what it could not flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
