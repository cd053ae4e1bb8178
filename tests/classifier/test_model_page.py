"""The page of a model: its figures, how it works, and what is taken away from its confidence."""

import re

import pytest

from ml import manifest
from tests import models
from tests.classifier.test_pages import LANGUAGES, is_ukrainian, main_text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_model_page_tells_the_figures_of_the_manifest(client, language):
    response = client.get("/model/", headers={"Accept-Language": language})
    text, figures = main_text(response), manifest.read(manifest.DEFAULT).metrics
    accuracy = f"{figures['test']['accuracy']:.1%}"
    if language == "uk":
        accuracy = accuracy.replace(".", ",").replace("%", "\u00a0%")
    assert accuracy in text
    assert re.search("10.000", text)
    assert re.search(f"{figures['parameters']:,}".replace(",", "."), text)
    assert is_ukrainian(text) == (language == "uk")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("airbench_wide", "for its mirror image"),
        ("airbench94", "in windows of 2 × 2 points"),
        ("cifar10_improved", "Four dense layers"),
        ("airbench96", "128 filters, then 384, then 512"),
        ("efficientnet_lite0", "come sixteen blocks"),
        ("efficientnet_lite2", "come twenty-one blocks"),
    ],
)
def test_each_model_that_ships_tells_how_it_works(client, name, words):
    assert words in main_text(client.get(f"/models/{name}/", headers={"Accept-Language": "en"}))


@pytest.mark.parametrize(
    ("architecture", "language", "steps", "known"),
    [
        ("efficientnet_lite0", "en", "sixteen blocks. All but", "It is EfficientNet-Lite0, and"),
        ("efficientnet_lite0", "uk", "шістнадцять блоків. Усі", "Це EfficientNet-Lite0, і"),
        ("efficientnet_lite2", "en", "twenty-one blocks. All but", "It is EfficientNet-Lite2, and"),
        ("efficientnet_lite2", "uk", "двадцять один блок. Усі", "Це EfficientNet-Lite2, і"),
    ],
)
@pytest.mark.parametrize("start", ["imagenet.npz", ""])
def test_a_network_that_began_with_imagenet_s_weights_says_so(
    client, tmp_path, settings, architecture, language, steps, known, start
):
    places = models.places(tmp_path, settings)
    mine = models.variant(places, "mine", architecture=architecture, recipe={"from": start})
    manifest.write_json(mine / manifest.CARD, manifest.read_card(models.SHIPPED))
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": language}))
    assert steps in text and (known in text) == bool(start)
    # Among the recipe's words, and not as a model's name beside the curves.
    assert text.count("imagenet.npz") == (1 if start else 0)


@pytest.mark.parametrize(
    ("language", "twice", "mean"),
    [
        ("en", "done twice: for the picture and for its mirror", "its mirror image are averaged"),
        ("uk", "робляться двічі", "його відбитка усереднюються"),
    ],
)
@pytest.mark.parametrize(
    ("architecture", "views"),
    [
        ("airbench94", 1),
        ("airbench96", 1),
        ("airbench_wide", 2),
        ("efficientnet_lite0", 1),
    ],
)
def test_a_network_says_whether_it_looks_at_the_mirror_image_too(
    client, tmp_path, settings, architecture, views, language, twice, mean
):
    models.variant(models.places(tmp_path, settings), "mine", architecture=architecture)
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": language}))
    assert (twice in text) == (mean in text) == (views == 2)


@pytest.mark.parametrize(
    ("language", "twice", "mean"),
    [
        ("en", "looked at twice", "averaged over the picture and over its mirror image"),
        ("uk", "дивиться на нього двічі", "за зображенням і за його відбитком"),
    ],
)
@pytest.mark.parametrize("number", [0, 2])
def test_the_larger_efficientnet_says_that_it_looks_twice(
    client, tmp_path, settings, number, language, twice, mean
):
    architecture = f"efficientnet_lite{number}"
    models.variant(models.places(tmp_path, settings), "mine", architecture=architecture)
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": language}))
    assert (twice in text) == (mean in text) == (number == 2)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "in few directions"), ("uk", "небагатьох напрямків")]
)
@pytest.mark.parametrize("score", manifest.OFF_TOPIC_SCORES)
def test_a_network_whose_features_tell_other_pictures_says_how(
    client, tmp_path, settings, language, told, score
):
    places = models.places(tmp_path, settings)
    models.variant(places, "mine", architecture="efficientnet_lite0", off_topic_score=score)
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": language}))
    assert (told in text) == (score == "residual")
    card = client.get("/api/v1/models/mine").json()
    assert card["off_topic_score"] == score


def test_a_network_that_is_trained_and_does_not_ship_tells_how_it_works_too(
    client, tmp_path, settings
):
    models.variant(models.places(tmp_path, settings), "mine", architecture="airbench96")
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": "en"}))
    assert "128 filters, then 384, then 512" in text and "for its mirror image" not in text
    text = main_text(client.get("/models/mine/", headers={"Accept-Language": "uk"}))
    assert "128 фільтрів, потім 384, потім 512" in text


@pytest.mark.parametrize(
    ("name", "language", "told"),
    [
        ("cifar10_improved", "en", "The 18.0% that its training taught it to spread evenly"),
        ("cifar10_improved", "uk", "віднімають ті 18,0 %, які навчання привчило її розподіляти"),
    ],
)
def test_a_model_that_learned_from_smoothed_labels_says_what_is_taken_away(
    client, name, language, told
):
    text = main_text(client.get(f"/models/{name}/", headers={"Accept-Language": language}))
    assert told in text.replace("\xa0", " ")


def test_a_model_that_takes_nothing_away_does_not_speak_of_it(client):
    page = client.get("/models/airbench94/", headers={"Accept-Language": "en"})
    assert "to spread evenly" not in main_text(page)
