"""What the commands of this package have in common."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ml import data
from ml.manifest import DEFAULT_ENGINE, ENGINES, EngineError, ModelError

USAGE, FAILED = 2, 75  # exit status; EX_TEMPFAIL of sysexits.h
DATA_HELP = (
    "an .npz with x_train, y_train, x_test, y_test, a folder with a sub-folder of JPEGs for each "
    "class, or what manage.py export_dataset wrote (default: CIFAR-10, downloaded by Keras)"
)
ORIGINAL_HELP = (
    "the set that the reviewed pictures of an export are mixed with, an .npz or a folder (default: "
    "CIFAR-10, downloaded by Keras)"
)


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--original", type=Path, metavar="DATA", help=ORIGINAL_HELP)


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine", choices=ENGINES, default=DEFAULT_ENGINE, help="what computes the network"
    )


def npz_to_write(text: str) -> Path:
    """An argument's file that a command is to write. Raises ArgumentTypeError where it could not be
    found again by its name, or there is no folder for it."""
    path = Path(text)
    if path.suffix != ".npz":
        raise argparse.ArgumentTypeError(f"{path} is to end in .npz")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent} to write into")
    return path


def dataset(args: argparse.Namespace) -> data.Dataset:
    return data.load(args.data, args.original)


def data_arguments(args: argparse.Namespace) -> list[str]:
    """The same pictures, for another command."""
    given = {"--data": args.data, "--original": args.original}
    return [word for name, value in given.items() if value for word in (name, str(value))]


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one line: status 2 where a file, a name or a model is not as it must be, 75 where
    what computes is missing or failed."""
    try:
        yield
    except EngineError as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED)
    except (OSError, KeyError, ValueError, ModelError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(message, file=sys.stderr)
        sys.exit(USAGE)


def quiet_tensorflow() -> None:
    """Without its greetings, which would stand between the lines of a command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
