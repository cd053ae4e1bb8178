"""What the commands of this package have in common."""

import contextlib
import sys
from collections.abc import Iterator

from ml.runtime import ModelError

USAGE = 2


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one line and status 2 where a file, a name or a model is not as it must be."""
    try:
        yield
    except (OSError, KeyError, ValueError, ModelError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(message, file=sys.stderr)
        sys.exit(USAGE)
