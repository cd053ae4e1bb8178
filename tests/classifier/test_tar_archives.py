"""Tar: kinds of entries, headers that describe others, and streams that break."""

import gzip
import io
import lzma
import tarfile
import tracemalloc
import zlib

import pytest

from classifier.archives import entries
from classifier.archives.pax import MOST_BYTES, MOST_RECORDS
from classifier.problems import Problem
from tests.archives import (
    COMPRESSIONS,
    codes,
    contents,
    ended,
    member,
    read,
    tar_of,
)
from tests.classifier.test_archives import FILES, code_of, noise

MEGABYTE = 1024 * 1024
LAST = member("last.jpg", data=b"picture")
COMPRESSED = {name: pack(tar_of(FILES)) for name, pack in COMPRESSIONS.items() if name != "plain"}


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


def record(key: bytes, value: bytes) -> bytes:
    """One line of a pax header, which counts its own length."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def described(body: bytes, *what: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return ended(member("pax", kind, body), *(what or (LAST,)))


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_dialect_is_read(kind):
    files = FILES | {"folder/" * 20 + "cat.jpg": b"1"}
    assert contents(tar_of(files, kind)) == files


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_long_name_is_read_and_its_end_is_kept(kind):
    (name,) = contents(tar_of({"к" * 3000 + ".jpg": b"1"}, kind))
    assert len(name) == 255 and name.endswith("к.jpg")


def test_a_tar_older_than_all_standards_is_read():
    block = bytearray(tarfile.TarInfo("a.jpg").tobuf(tarfile.USTAR_FORMAT))
    block[148:156], block[257:345] = b" " * 8, bytes(88)
    block[148:156] = b"%06o\0 " % sum(block)
    assert contents(bytes(block) + bytes(1024)) == {"a.jpg": b""}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "not an ordinary file"),
        (tarfile.BLKTYPE, "not an ordinary file"),
        (tarfile.FIFOTYPE, "not an ordinary file"),
        (b"?", "not an ordinary file"),
        (tarfile.GNUTYPE_SPARSE, "with gaps"),
    ],
)
def test_what_is_no_ordinary_file_is_refused_and_the_next_one_read(kind, said):
    first, last = read(ended(member("a", kind, linkname="/etc/passwd"), LAST))
    assert first.problem.code == "ARCHIVE_ENTRY_REFUSED" and said in first.problem.detail
    assert last.data == b"picture"


def test_a_link_that_claims_a_size_has_no_data():
    assert codes(ended(member("a", tarfile.SYMTYPE, size=5000), LAST))["last.jpg"] == ""


def test_folders_are_passed_over():
    assert contents(ended(member("a", tarfile.DIRTYPE), member("b/", tarfile.AREGTYPE), LAST)) == {
        "last.jpg": b"picture"
    }


def test_one_volume_of_several_is_told_as_such():
    assert code_of(ended(member("a", b"M"))) == "ARCHIVE_MULTI_DISK"


def test_a_sparse_map_in_many_blocks_is_passed_over_and_counted(settings):
    header = bytearray(member("a", tarfile.GNUTYPE_SPARSE))
    header[482], header[148:156] = 1, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = bytes(504) + b"\1" + bytes(7)
    archive = ended(bytes(header) + more * 30 + bytes(512), LAST)
    assert codes(archive) == {"a": "ARCHIVE_ENTRY_REFUSED", "last.jpg": ""}
    settings.MAX_ARCHIVE_ENTRIES = 6
    assert code_of(archive) == "ARCHIVE_TOO_MANY"


def test_a_sparse_file_by_pax_is_refused():
    archive = described(record(b"GNU.sparse.realsize", b"99999999999"), LAST, LAST)
    assert [bool(entry.problem) for entry in read(archive)] == [True, False]


def test_a_size_by_pax_is_the_one_that_counts():
    body = member("a", data=b"x" * 700, size=0)
    assert contents(described(record(b"size", b"700"), body)) == {"a": b"x" * 700}


@pytest.mark.parametrize("said", [b"-1", b"x", b"9" * 5000, b"", b"1.5"])
def test_a_size_by_pax_that_makes_no_sense_is_unreadable(said):
    assert code_of(described(record(b"size", said))) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("size", [-1, -512, -(2**60)])
def test_a_negative_size_is_unreadable(size):
    assert code_of(ended(member("a", size=size))) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_size_of_exabytes_is_unreadable_and_takes_no_memory(kind):
    tracemalloc.start()
    try:
        assert code_of(ended(member("a", kind, size=2**62))) == "ARCHIVE_UNREADABLE"
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body", [b"5 a=1", b"0 a=1\n", b"99999 a=1\n", b"x a=1\n", b"\0" * 9, b"1" * 9000, b"-6 a=1\n"]
)
def test_a_pax_header_that_makes_no_sense_is_unreadable(body):
    assert code_of(described(body)) == "ARCHIVE_UNREADABLE"


def test_a_pax_header_of_too_many_records_is_unreadable():
    assert contents(described(record(b"a", b"1") * MOST_RECORDS)) == {"last.jpg": b"picture"}
    assert code_of(described(record(b"a", b"1") * (MOST_RECORDS + 1))) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_longer_than_any_honest_one_is_passed_over_without_memory(kind):
    archive = described(b"9" * 8 * MEGABYTE, kind=kind)
    tracemalloc.start()
    try:
        assert contents(archive) == {"last.jpg": b"picture"}
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_long_name_up_to_the_bound_is_read():
    name = b"a" * (MOST_BYTES - 5) + b".jpg\0"
    (shown,) = contents(described(name, kind=tarfile.GNUTYPE_LONGNAME))
    assert shown == "a" * 251 + ".jpg"


def test_headers_that_describe_headers_without_end_are_too_many(settings):
    settings.MAX_ARCHIVE_ENTRIES = 10
    chain = [member("pax", tarfile.XHDTYPE, record(b"path", b"a"))] * 51
    assert code_of(ended(*chain, LAST)) == "ARCHIVE_TOO_MANY"


def test_names_that_are_not_utf8_are_replaced():
    raw = member("abc.jpg", data=b"1").replace(b"abc.jpg", b"\xff\xfec.jpg")
    block = bytearray(raw)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    assert contents(ended(bytes(block))) == {"\ufffd\ufffdc.jpg": b"1"}


def test_a_hundred_thousand_and_one_files_are_too_many_and_not_all_are_kept():
    archive = gzip.compress(member("a") * 100_001 + bytes(1024), 6)
    archive += noise(600_000)  # so that it is no bomb
    seen = 0
    with pytest.raises(Problem) as refusal:
        for _ in entries(io.BytesIO(archive)):
            seen += 1
    assert (refusal.value.code, seen) == ("ARCHIVE_TOO_MANY", 100_000)


def test_a_tar_cut_anywhere_before_its_end_is_unreadable():
    whole = tar_of(FILES)
    end = len(whole.rstrip(b"\0"))
    assert {code_of(whole[:cut]) for cut in range(0, end, 97)} == {"ARCHIVE_UNREADABLE"}


@pytest.mark.parametrize("archive", COMPRESSED.values(), ids=COMPRESSED)
def test_a_compressed_tar_cut_anywhere_is_unreadable(archive):
    cuts = range(1, len(archive), 13)
    assert {code_of(archive[:cut]) for cut in cuts} == {"ARCHIVE_UNREADABLE"}
    assert code_of(archive[:-1]) == "ARCHIVE_UNREADABLE"


def test_files_before_the_damage_have_been_yielded():
    stream = entries(io.BytesIO(ended(LAST, b"x" * 512)))
    assert next(stream).data == b"picture"
    with pytest.raises(Problem, match="ARCHIVE_UNREADABLE"):
        next(stream)


def test_a_wrong_checksum_at_the_end_of_gzip_is_noticed():
    archive = bytearray(COMPRESSED["gzip"])
    archive[-8] ^= 1
    assert code_of(bytes(archive)) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_tar_in_several_streams_is_one(name):
    whole, pack = tar_of(FILES), COMPRESSIONS[name]
    assert contents(pack(whole[:700]) + pack(b"") + pack(whole[700:])) == FILES


@pytest.mark.parametrize("behind", [bytes(5000), b"\0" * 7 + b"a signature"])
def test_what_stands_behind_a_compressed_tar_is_ignored(behind):
    assert contents(COMPRESSED["gzip"] + behind) == FILES


def test_streams_of_nothing_come_to_an_end(settings):
    settings.MAX_ARCHIVE_ENTRIES = 50
    assert code_of(gzip.compress(b"") * 51 + COMPRESSED["gzip"]) == "ARCHIVE_UNREADABLE"


def test_an_xz_dictionary_larger_than_the_memory_for_it_is_unreadable():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 16 * MEGABYTE}]
    archive = bytearray(lzma.compress(tar_of(FILES), filters=filters))
    assert contents(bytes(archive)) == FILES
    at = archive.index(b"\x21\x01", 12) + 2  # LZMA2, one byte of properties: the dictionary
    archive[at] = 39
    archive[20:24] = zlib.crc32(archive[12:20]).to_bytes(4, "little")
    assert code_of(bytes(archive)) == "ARCHIVE_UNREADABLE"
