"""Odd and hostile JPEGs with their expected outcomes, where a folder of them is at hand.

KADR_CORPUS names a folder with a manifest.csv: columns file, expected (accept, reject, either).
"""

import csv
import os
import warnings
from pathlib import Path

import pytest

from classifier.images import accept
from classifier.problems import Problem

CORPUS = Path(os.environ.get("KADR_CORPUS", "") or "no-corpus")


def rows() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    return list(csv.DictReader((CORPUS / "manifest.csv").open()))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_each_file_of_the_corpus_gets_its_outcome(row):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd EXIF, which is the point here
        try:
            accept((CORPUS / row["file"]).read_bytes())
            outcome = "accept"
        except Problem:
            outcome = "reject"
    assert row["expected"] in (outcome, "either"), row["why"]
