"""`manage.py models` beside damaged models. test_model_cards.py has the whole ones."""

from io import StringIO

import pytest
from django.core.management import call_command

from ml import manifest
from tests import models
from tests.classifier.test_promotion import places as places

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("content", ["{", "[]", '{"test": {}}'])
def test_the_list_goes_on_past_a_card_that_cannot_be_read(places, content):
    (models.same(places) / manifest.CARD).write_text(content)
    out = StringIO()
    call_command("models", stdout=out)
    lines = out.getvalue().splitlines()
    (line,) = [line for line in lines if line.strip().startswith("same ")]
    assert line.split()[4] == "?"
    assert any(models.NAME in line for line in lines if line.startswith("*"))
