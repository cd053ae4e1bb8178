"""Archives of either format: what is read, what it costs, and why some are refused."""

import gzip
import io
import random
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from classifier.archives import entries
from classifier.archives.entry import label
from classifier.archives.limits import ARCHIVE_SLACK
from classifier.problem_kinds import KINDS
from classifier.problems import Problem
from tests import make
from tests.archives import COMPRESSIONS, codes, contents, read, tar_of, zip_of

MEGABYTE = 1024 * 1024
FILES = {"cat.jpg": make.jpeg(), "dogs/rex.jpg": make.jpeg(20, 20), "empty.jpg": b""}
BOTH = pytest.mark.parametrize("archive_of", [zip_of, tar_of])


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def code_of(archive: bytes) -> str:
    with pytest.raises(Problem) as refusal:
        read(archive)
    return refusal.value.code


@BOTH
def test_files_come_in_order_with_their_paths_and_bytes(archive_of):
    assert list(contents(archive_of(FILES)).items()) == list(FILES.items())


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_tar_is_read_whatever_it_is_compressed_with(compress):
    assert contents(compress(tar_of(FILES))) == FILES


@BOTH
def test_where_the_file_stands_does_not_matter(archive_of):
    file = io.BytesIO(archive_of(FILES))
    file.seek(0, io.SEEK_END)
    assert len(list(entries(file))) == len(FILES)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", bytes(5000), make.jpeg(), gzip.compress(make.jpeg()), gzip.compress(b"")],
    ids=["nothing", "text", "zeros", "JPEG", "JPEG in gzip", "nothing in gzip"],
)
def test_what_is_no_archive_is_unreadable(data):
    assert code_of(data) == "ARCHIVE_UNREADABLE"


@BOTH
def test_what_operating_systems_leave_behind_is_passed_over(archive_of):
    junk = ["__MACOSX/._cat.jpg", "__MACOSX/x.jpg", "a/.DS_Store", "a/._cat.jpg", "a/Thumbs.db"]
    assert contents(archive_of(dict.fromkeys(junk, b"junk") | FILES)) == FILES


@BOTH
def test_what_only_looks_like_junk_is_kept(archive_of):
    files = {"a__MACOSX/x.jpg": b"1", "thumbs.db.jpg": b"2", "a/__MACOSX.jpg": b"3"}
    assert contents(archive_of(files)) == files


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\\b.jpg", "a/b.jpg"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("/etc/passwd", "/etc/passwd"),
        ("a\0b\n\x1b[31m.jpg", "ab[31m.jpg"),
        ("gpj.\u202eexe\u2066.jpg", "gpj.exe.jpg"),
        ("\ud800.jpg", ".jpg"),
        ("кіт 🐈.jpg", "кіт 🐈.jpg"),
        ("a" * 300 + "/cat.jpg", "a" * 247 + "/cat.jpg"),
    ],
)
def test_a_name_becomes_a_label_that_is_safe_to_show(name, shown):
    assert label(name) == shown


@BOTH
def test_a_name_that_climbs_out_is_only_a_label(archive_of):
    assert contents(archive_of({"../../x.jpg": b"1"})) == {"../../x.jpg": b"1"}


@BOTH
@pytest.mark.parametrize(
    "inner",
    [
        zip_of(FILES),
        zip_of({}),
        tar_of(FILES),
        *(pack(b"x") for name, pack in COMPRESSIONS.items() if name != "plain"),
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07\x00",
        b"Rar!\x1a\x07\x01\x00",
    ],
    ids=["ZIP", "empty ZIP", "tar", "gzip", "bzip2", "xz", "7z", "RAR 4", "RAR 5"],
)
def test_an_archive_in_the_archive_is_refused_whatever_its_name(archive_of, inner):
    archive = archive_of({"a.jpg": inner, "b.jpg": b"picture"})
    assert codes(archive) == {"a.jpg": "ARCHIVE_NESTED", "b.jpg": ""}


def test_archives_in_archives_in_archives_are_never_opened():
    """As 42.zip is made: sixteen in each, five levels deep, all the same bytes."""
    archive = zip_of({"0.dll": bytes(MEGABYTE)})
    for _ in range(5):
        archive = zip_of({f"{n}.zip": archive for n in range(16)})
    assert set(codes(archive).values()) == {"ARCHIVE_NESTED"}


@BOTH
def test_the_cap_on_one_file_is_exact_and_the_others_are_read(archive_of, settings):
    settings.MAX_IMAGE_BYTES = 1000
    archive = archive_of({"a": noise(1000), "b": noise(1001), "c": noise(90_000), "d": b"last"})
    assert codes(archive) == {"a": "", "b": "IMAGE_TOO_LARGE", "c": "IMAGE_TOO_LARGE", "d": ""}
    assert [len(entry.data) for entry in read(archive)] == [1000, 0, 0, 4]


@BOTH
def test_the_cap_on_the_number_of_files_is_exact(archive_of, settings):
    settings.MAX_ARCHIVE_ENTRIES = 3
    junk = {"__MACOSX/x": b"", ".DS_Store": b""}
    assert len(read(archive_of(FILES | junk))) == 3
    assert code_of(archive_of(FILES | {"one more": b""})) == "ARCHIVE_TOO_MANY"


@BOTH
def test_what_is_passed_over_is_bounded_too(archive_of, settings):
    settings.MAX_ARCHIVE_ENTRIES = 3
    assert code_of(archive_of({f"._{n}": b"" for n in range(16)})) == "ARCHIVE_TOO_MANY"


@BOTH
def test_what_comes_out_in_all_is_bounded(archive_of, settings):
    archive = archive_of({str(n): noise(50_000, n) for n in range(4)})
    settings.MAX_ARCHIVE_BYTES = len(archive)
    assert len(read(archive)) == 4
    settings.MAX_ARCHIVE_BYTES = 190_000
    assert code_of(archive) == "ARCHIVE_TOO_LARGE"


@pytest.mark.parametrize("compress", list(COMPRESSIONS.values())[1:], ids=list(COMPRESSIONS)[1:])
def test_a_tar_that_unpacks_to_a_hundred_times_its_size_is_a_bomb(compress):
    assert code_of(compress(tar_of({"a": bytes(16 * MEGABYTE)}))) == "ARCHIVE_BOMB"


def test_a_bomb_behind_the_end_of_a_tar_is_still_a_bomb():
    assert code_of(gzip.compress(tar_of(FILES) + bytes(16 * MEGABYTE))) == "ARCHIVE_BOMB"


def test_many_small_bombs_in_a_zip_are_one(settings):
    """Each below what one file may do, together above what the archive may."""
    archive = zip_of({str(n): bytes(MEGABYTE) for n in range(20)})
    assert 100 * len(archive) + ARCHIVE_SLACK < 20 * MEGABYTE
    assert code_of(archive) == "ARCHIVE_BOMB"


@pytest.mark.parametrize(
    "archive",
    [
        zip_of({str(n): noise(MEGABYTE, n) for n in range(12)}),
        tar_of({str(n): noise(MEGABYTE, n) for n in range(12)}),
        gzip.compress(tar_of({str(n): noise(MEGABYTE, n) for n in range(12)}), 1),
    ],
    ids=["ZIP", "tar", "tar in gzip"],
)
def test_memory_holds_one_file_however_large_the_archive(archive):
    file = io.BytesIO(archive)
    tracemalloc.start()
    try:
        assert sum(len(entry.data) for entry in entries(file)) == 12 * MEGABYTE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The loop above holds an entry while the next one is read, whose buffer grows by an eighth.
    assert peak < 3 * MEGABYTE


@BOTH
def test_a_file_far_over_the_cap_costs_no_memory(archive_of, settings):
    settings.MAX_IMAGE_BYTES = 100_000
    file = io.BytesIO(archive_of({"a": noise(8 * MEGABYTE)}))
    tracemalloc.start()
    try:
        assert [entry.problem.code for entry in entries(file)] == ["IMAGE_TOO_LARGE"]
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("code", [code for code in KINDS if code.startswith("ARCHIVE_")])
def test_every_refusal_says_what_to_do(code, settings):
    problem = Problem(code)
    assert problem.title and problem.detail.endswith(".") and "{" not in problem.detail


WHOLE = [zip_of(FILES), *(compress(tar_of(FILES)) for compress in COMPRESSIONS.values())]


@given(data=st.data(), archive=st.sampled_from(WHOLE))
@hypothesis_settings(max_examples=300, deadline=None)
def test_damaged_bytes_end_in_entries_or_a_problem_and_soon(data, archive):
    spoilt = bytearray(archive)
    for _ in range(data.draw(st.integers(0, 8))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(spoilt)) | st.just(len(spoilt)))
    began = time.monotonic()
    try:
        found = read(bytes(spoilt[:cut]))
    except Problem as problem:
        assert problem.code.startswith("ARCHIVE_")
    else:
        assert all(entry.data == b"" for entry in found if entry.problem)
    assert time.monotonic() - began < 5


@given(tail=st.binary(max_size=700), head=st.sampled_from([w[:k] for w in WHOLE for k in (6, 300)]))
@hypothesis_settings(max_examples=150, deadline=None)
def test_noise_after_a_true_beginning_ends_in_entries_or_a_problem(head, tail):
    try:
        read(head + tail)
    except Problem as problem:
        assert problem.code.startswith("ARCHIVE_")
