"""Shares as people read them: one decimal, and no certainty that is not there."""

import pytest
from django.utils import translation

from classifier.templatetags.kadr import percent


@pytest.mark.parametrize(
    ("share", "english", "ukrainian"),
    [
        (0.934, "93.4%", "93,4\u00a0%"),
        (0.9994, "99.9%", "99,9\u00a0%"),
        (0.99951, ">\u00a099.9%", ">\u00a099,9\u00a0%"),
        (0.999776, ">\u00a099.9%", ">\u00a099,9\u00a0%"),
        (1, "100.0%", "100,0\u00a0%"),
        (0, "0.0%", "0,0\u00a0%"),
        (None, "", ""),
    ],
)
def test_a_share_is_written_as_the_language_does_and_never_rounded_up_to_certainty(
    share, english, ukrainian
):
    with translation.override("en"):
        assert percent(share) == english
    with translation.override("uk"):
        assert percent(share) == ukrainian
