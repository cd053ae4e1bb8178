"""Why something about a candidate is not done, as a sentence."""


class Refused(Exception):  # noqa: N818  # a refusal is no fault
    """The message is one sentence: what is the case, and what to do."""
