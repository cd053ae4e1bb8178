"""The comparison of off-topic scores: on a real network, and on features worked out by hand."""

import dataclasses

import numpy as np
import pytest

from ml import compare_scores, manifest, off_topic, other_pictures


def test_every_score_is_measured_on_every_kind(model_folder, tiny, monkeypatch):
    monkeypatch.setattr(compare_scores, "PICTURES", 20)
    found = compare_scores.compare(model_folder, tiny)
    kinds = {*other_pictures.CHOOSE_ON, "mosaics", "blends"}
    assert not kinds & set(other_pictures.REPORT_ON)
    assert all(set(by_kind) == kinds for by_kind in found.values())
    assert all(0 <= value <= 1 for by_kind in found.values() for value in by_kind.values())


def test_a_network_of_two_views_has_features_once_a_picture(tiny):
    look = compare_scores._looking(manifest.MODELS / "airbench_wide", tiny)
    features, logits = look(tiny.validation.x, batch=8)
    assert features.shape == (len(tiny.validation), 352) and len(logits) == len(features)
    mirrored, _ = look(tiny.validation.x[:, :, ::-1], batch=8)
    np.testing.assert_allclose(features, mirrored, rtol=1e-3, atol=1e-3)


def test_a_model_of_other_classes_is_not_compared(model_folder, tiny):
    other = dataclasses.replace(tiny, classes=tiny.classes[::-1])
    with pytest.raises(ValueError, match="knows other classes"):
        compare_scores.compare(model_folder, other)


def test_what_is_exported_is_the_residual_that_was_compared(tiny):
    rng = np.random.default_rng(3)
    bank, seen = rng.normal(size=(2000, 40)), rng.normal(size=(5, 40))
    familiar = off_topic.Familiar.of(bank)
    layer = off_topic.Residual(familiar.directions.shape[1])
    layer.build((None, 40))
    layer.set_weights(list(familiar))
    score = compare_scores.known_scores(bank, np.arange(2000) % 2)["residual"]
    np.testing.assert_allclose(layer(seen)[:, 0], score(seen, seen), rtol=1e-4, atol=1e-4)


def test_the_best_score_comes_first():
    found = {"worse": {"noise": 0.6}, "best": {"noise": 0.9}}
    _head, first, second = compare_scores.table(found).splitlines()
    assert first.startswith("best") and first.endswith("0.900") and second.startswith("worse")


@pytest.mark.parametrize("name", ["20th neighbour", "Mahalanobis", "residual"])
def test_features_far_from_all_that_was_seen_score_higher(name):
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    bank = rng.normal(0, 0.1, (100, 4)) + np.where(labels[:, None] == 0, [1, 0, 0, 0], [0, 1, 0, 0])
    score = compare_scores.known_scores(bank, labels)[name]
    near, far = np.array([[1.0, 0, 0, 0]]), np.array([[0, 0, 1.0, -1.0]])
    assert score(far, far)[0] > score(near, near)[0]


@pytest.mark.parametrize("name", ["energy", "greatest logit", "greatest probability", "GEN"])
def test_an_answer_that_is_less_sure_scores_higher(name):
    score = compare_scores.known_scores(np.eye(4), np.array([0, 0, 1, 1]))[name]
    sure, unsure = np.array([[9.0, 0, 0]]), np.array([[0.2, 0.1, 0]])
    assert score(unsure, unsure)[0] > score(sure, sure)[0]
