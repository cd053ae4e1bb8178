"""What the commands of this package have in common."""

import contextlib
import os
import sys
from collections.abc import Iterator

from ml.manifest import ManifestError
from ml.runtime import ModelError

USAGE = 2
DATA_HELP = (
    "an .npz with x_train, y_train, x_test, y_test, or a folder with a sub-folder of JPEGs for "
    "each class (default: CIFAR-10, downloaded by Keras)"
)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one line and status 2 where a file, a name or a model is not as it must be."""
    try:
        yield
    except (OSError, KeyError, ValueError, ModelError, ManifestError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(message, file=sys.stderr)
        sys.exit(USAGE)


def quiet_tensorflow() -> None:
    """Without its greetings, which would stand between the lines of a command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
