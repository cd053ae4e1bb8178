"""The serving path, with every engine and the real network: alone or in company, the same."""

import base64
import json
import shutil

import numpy as np
import psutil
import pytest

from ml import manifest, runtime, weights
from ml.manifest import ModelError
from ml.runtime import BUCKETS, SCORE_TOLERANCE, TOLERANCE, Runtime

CALLS = 10_000


@pytest.fixture(scope="module", params=manifest.ENGINES)
def loaded(model_folder, request):
    running = Runtime.load(model_folder, request.param)
    running.warm_up()
    return running


@pytest.fixture
def copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), np.uint8)


def test_probabilities_are_probabilities(loaded):
    out, scores = loaded.predict(pictures(5))
    assert out.shape == (5, 10) and out.dtype == np.float32
    assert (out >= 0).all()
    assert scores.shape == (5,) and scores.dtype == np.float32
    assert out.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_an_image_gets_the_same_answer_alone_and_in_every_batch(loaded):
    x = pictures(300)
    alone = np.concatenate([loaded.predict(x[i : i + 1]).probabilities for i in range(20)])
    for n in (2, 7, 8, 9, 31, 33, 127, 128, 129, 300):
        together = loaded.predict(x[:n]).probabilities[:20]
        assert np.abs(together - alone[: len(together)]).max() <= TOLERANCE
        assert (together.argmax(axis=1) == alone[: len(together)].argmax(axis=1)).all()


def test_an_image_gets_the_same_answer_at_every_place_in_a_batch(loaded):
    x = pictures(33, seed=1)
    forward, backward = loaded.predict(x), loaded.predict(x[::-1])
    apart = np.abs(forward.probabilities - backward.probabilities[::-1])
    assert apart.max() <= TOLERANCE
    assert np.abs(forward.off_topic - backward.off_topic[::-1]).max() <= SCORE_TOLERANCE


def test_nothing_asked_is_nothing_answered(loaded):
    assert [part.shape for part in loaded.predict(pictures(0))] == [(0, 10), (0,)]


@pytest.mark.parametrize(("n", "bucket"), [(1, 1), (2, 8), (8, 8), (9, 32), (128, 128), (999, 128)])
def test_the_bucket_is_the_smallest_that_holds_all_or_the_largest(n, bucket):
    assert runtime._bucket(n) == bucket and bucket in BUCKETS


def test_nothing_is_prepared_after_the_warm_up(loaded):
    before = loaded.engine.sizes()
    for n in (1, 3, 20, 100, 200):
        loaded.predict(pictures(n))
    assert loaded.engine.sizes() == before == len(BUCKETS)


def test_the_engine_says_what_the_plain_network_says(loaded, model_folder):
    x = pictures(9)
    network = weights.network(model_folder, loaded.manifest)
    expected = runtime.answers(np.asarray(network(x, training=False)), loaded.manifest.calibration)
    got = loaded.predict(x)
    assert np.abs(got.probabilities - expected.probabilities).max() <= TOLERANCE
    assert np.abs(got.off_topic - expected.off_topic).max() <= SCORE_TOLERANCE


@pytest.mark.slow
def test_memory_does_not_grow_with_the_calls(loaded):
    x = pictures(33)
    sizes = [1] * 96 + [3, 8] + [20] + [33]  # each bucket, the small ones most
    for n in sizes:
        loaded.predict(x[:n])
    before = resident_megabytes()
    for n in sizes * (CALLS // len(sizes)):
        loaded.predict(x[:n])
    assert resident_megabytes() - before < 50


def resident_megabytes() -> float:
    return psutil.Process().memory_info().rss / 1e6


def test_a_calibration_never_changes_the_order_of_the_labels():
    logits = np.random.default_rng(0).normal(0, 3, (200, 7))
    for power in (0.5, 1.0, 1.7):
        got = runtime.answers(logits, {"temperature": 1.3, "power": power}).probabilities
        assert (got.argsort(axis=1) == logits.argsort(axis=1)).all()
        assert got.sum(axis=1) == pytest.approx(np.ones(200))


def test_what_smoothed_labels_spread_is_taken_away_again():
    learned = np.array([[0.9 * 0.8 + 0.02, 0.1 * 0.8 + 0.02, *[0.02] * 8]])
    calibration = {"temperature": 1.0, "power": 1.0, "smoothing": 0.2}
    got = runtime.answers(np.log(learned), calibration).probabilities
    assert got[0, :2] == pytest.approx([0.9, 0.1], abs=1e-3)
    assert got.sum() == pytest.approx(1)


def test_smoothing_keeps_the_order_of_the_labels():
    logits = np.random.default_rng(0).normal(0, 3, (200, 10))
    calibration = {"temperature": 1.0, "power": 1.0, "smoothing": 0.3}
    got = runtime.answers(logits, calibration).probabilities
    assert (got > 0).all()
    assert (got.argsort(axis=1) == logits.argsort(axis=1)).all()


def test_a_power_of_one_is_plain_temperature_scaling():
    logits = np.array([[2.0, 0.0, -1.0]])
    got = runtime.answers(logits, {"temperature": 2.0, "power": 1.0}).probabilities
    powers = np.exp(logits / 2)
    assert got == pytest.approx(powers / powers.sum())


def test_the_off_topic_score_is_the_energy_of_the_logits():
    got = runtime.answers(np.array([[1.0, 2.0, 3.0]]), {"temperature": 9.0, "power": 1.0})
    assert got.off_topic == pytest.approx(-np.log(np.exp([1, 2, 3]).sum()))


def test_it_says_what_it_is(loaded, model_folder):
    described = manifest.read(model_folder)
    assert loaded.digest == described.digest and loaded.id == described.id
    assert loaded.device
    assert [c["id"] for c in loaded.classes][:2] == ["airplane", "automobile"]


def test_other_golden_answers_stop_the_warm_up(copy):
    content = json.loads((copy / manifest.GOLDEN).read_text())
    content["probabilities"][0] = content["probabilities"][0][::-1]
    (copy / manifest.GOLDEN).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="golden"):
        Runtime.load(copy).warm_up()


@pytest.mark.parametrize("of", ["fewer classes", "larger pictures", "no picture", "fewer scores"])
def test_golden_answers_of_another_model_stop_the_warm_up(copy, of):
    inputs, expected = runtime.golden(copy)
    probabilities, scores = expected
    if of == "fewer classes":
        probabilities = probabilities[:, :3]
    elif of == "larger pictures":
        inputs = np.zeros((len(inputs), 48, 48, 3), np.uint8)
    elif of == "no picture":
        inputs, probabilities, scores = inputs[:0], probabilities[:0], scores[:0]
    else:
        scores = scores[:-1]
    content = {
        "shape": list(inputs.shape),
        "inputs": base64.b64encode(inputs.tobytes()).decode(),
        "probabilities": probabilities.tolist(),
        "off_topic": scores.tolist(),
    }
    (copy / manifest.GOLDEN).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"golden\.json is of another model"):
        Runtime.load(copy).warm_up()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"inputs": "!", "shape": 3}'])
def test_an_unreadable_golden_file_stops_the_warm_up(copy, text):
    (copy / manifest.GOLDEN).write_text(text)
    with pytest.raises(ModelError, match="golden"):
        runtime.golden(copy)


def test_tampered_weights_are_not_loaded(copy):
    path = copy / manifest.WEIGHTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.npz"):
        Runtime.load(copy)


def test_weights_of_another_network_are_refused(copy):
    np.savez(copy / manifest.WEIGHTS, **{"0-kernel": np.zeros((3, 3, 3, 32))})
    path = copy / manifest.MANIFEST
    content = json.loads(path.read_text())
    content["weights_sha256"] = manifest.sha256(copy / manifest.WEIGHTS)
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="does not fit"):
        Runtime.load(copy)


def test_an_architecture_that_this_version_does_not_know_is_refused(copy):
    path = copy / manifest.MANIFEST
    path.write_text(path.read_text().replace('"cifar10_improved",', '"resnet",'))
    with pytest.raises(ModelError, match="resnet"):
        Runtime.load(copy)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"manifest\.json"):
        Runtime.load(tmp_path)
