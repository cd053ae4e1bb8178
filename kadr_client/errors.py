"""What can end a run, each with the exit code it gives and one line for the person."""

ALL_SUCCEEDED, SOME_FAILED, WRONG_USAGE, NOT_SERVED, INTERRUPTED = 0, 1, 2, 3, 130


class ClientError(Exception):
    exit_code = NOT_SERVED


class UsageError(ClientError):
    """The command cannot be done as it was given."""

    exit_code = WRONG_USAGE


class FileChangedError(ClientError):
    """A picture is not what it was when its batch was put together."""

    exit_code = SOME_FAILED


class OutputClosedError(ClientError):
    """Nobody reads our output any more, as after `| head`."""

    exit_code = SOME_FAILED


class UnreachableError(ClientError):
    """The service does not answer, or something else answers in its place."""


class RefusedError(ClientError):
    """The service answered, and will not do it however often it is asked."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def one_line(text: object) -> str:
    """`text` without line breaks or control characters, which could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
