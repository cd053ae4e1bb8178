"""ZIP: lies in the table of contents, damage in one file, and bombs that hide behind either."""

import io
import stat
import struct
import zipfile
import zlib

import pytest

from classifier.archives import entries
from classifier.archives.zip_directory import Record
from classifier.problems import Problem
from tests.archives import (
    Part,
    codes,
    contents,
    deflate,
    end_of_zip,
    extra_field_bomb,
    one_file_zip,
    quoted_overlap_bomb,
    read,
    zip_by_hand,
    zip_of,
    zip_of_mode,
)
from tests.classifier.test_archives import FILES, code_of, noise

MEGABYTE = 1024 * 1024
WHOLE = zip_of(FILES)


def why(archive: bytes) -> str:
    """The sentence at the only entry, which is refused."""
    (entry,) = read(archive)
    assert entry.problem and entry.problem.code == "ARCHIVE_ENTRY_REFUSED" and entry.data == b""
    return entry.problem.detail


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_files_are_read(method):
    assert contents(zip_of(FILES, method)) == FILES


def test_an_empty_zip_has_no_entries():
    assert read(zip_of({})) == []


def test_folders_are_passed_over():
    files = {"a/": b"", "a/b.jpg": b"1", "c\\": b""}
    assert contents(zip_of(files)) == {"a/b.jpg": b"1"}
    assert read(zip_of_mode("d", b"", stat.S_IFDIR | 0o755)) == []


def test_zip64_sizes_and_offsets_are_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"1")
    assert contents(out.getvalue()) == {"a": b"1"}


def zip64_by_hand(data: bytes, said: int | None = None, disks: int = 1) -> bytes:
    """All that can be 64 bits wide is."""
    wide = 0xFFFFFFFF
    part = Part(b"a", zlib.crc32(data), wide, wide, wide, method=0)
    extra = struct.pack("<2H3Q", 1, 24, len(data), said or len(data), 0)
    central = part.central()
    table = central[:30] + struct.pack("<H", len(extra)) + central[32:] + extra
    body = part.local() + data
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(table), len(body))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(table), disks)
    return body + table + end + locator + end_of_zip(wide, wide, 65_535)


def test_an_archive_all_in_zip64_is_read():
    assert contents(zip64_by_hand(b"picture")) == {"a": b"picture"}


@pytest.mark.parametrize("said", [2**63, 2**64 - 1])
def test_a_zip64_size_beyond_any_file_is_unreadable(said):
    assert code_of(zip64_by_hand(b"picture", said)) == "ARCHIVE_UNREADABLE"


def test_a_zip64_value_that_is_missing_is_unreadable():
    assert code_of(one_file_zip(b"a", packed=0xFFFFFFFF)) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("before", [b"#!/bin/sh\n", bytes(5000)])
def test_a_program_before_and_a_comment_behind_do_no_harm(before):
    out = io.BytesIO(WHOLE)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"PK\5\6 is how it ends"
    assert contents(before + out.getvalue()) == FILES


def test_a_zip_cut_anywhere_is_unreadable_as_a_whole():
    assert {code_of(WHOLE[:cut]) for cut in range(0, len(WHOLE), 7)} == {"ARCHIVE_UNREADABLE"}


def test_a_zip_that_lost_its_beginning_is_unreadable():
    assert code_of(WHOLE[100:]) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("archive", [zip64_by_hand(b"a", disks=2), b"PK\7\x08" + WHOLE])
def test_one_part_of_a_divided_archive_is_told_as_such(archive):
    assert code_of(archive) == "ARCHIVE_MULTI_DISK"


def test_the_last_part_of_a_divided_archive_is_told_as_such():
    assert code_of(noise(500) + end_of_zip(46, 0, disk=2)) == "ARCHIVE_MULTI_DISK"


def test_a_table_of_a_hundred_thousand_and_one_files_is_refused_before_the_first():
    central = Part(b"a", 0, 0, 0, method=0).central()
    table = central * 100_001
    with pytest.raises(Problem) as refusal:
        next(entries(io.BytesIO(table + end_of_zip(len(table), 0, 1))))
    assert refusal.value.code == "ARCHIVE_TOO_MANY"
    assert "100000" in refusal.value.detail


def test_a_hundred_thousand_files_are_read():
    local = Part(b"a", 0, 0, 0, method=0).local()
    parts = [Part(b"a", 0, 0, 0, len(local) * n, method=0) for n in range(100_000)]
    archive = zip_by_hand(local * 100_000, parts)
    assert sum(not entry.problem for entry in entries(io.BytesIO(archive))) == 100_000


def test_a_checksum_that_fails_refuses_that_file_only():
    spoilt = bytearray(zip_of({"a": noise(900), "b": b"picture"}, zipfile.ZIP_STORED))
    spoilt[500] ^= 1
    assert codes(bytes(spoilt)) == {"a": "IMAGE_UNDECODABLE", "b": ""}


@pytest.mark.parametrize("at", [31, 100, 600])
def test_damaged_deflate_refuses_that_file_only(at):
    spoilt = bytearray(zip_of({"a": b"text " * 50 + noise(600), "b": b"picture"}))
    spoilt[at : at + 4] = b"\xff\xff\xff\xff"
    assert codes(bytes(spoilt)) == {"a": "IMAGE_UNDECODABLE", "b": ""}


def test_a_local_header_that_is_none_refuses_that_file_only():
    archive = zip_of({"a": b"1", "b": b"2"}).replace(b"PK\3\4", b"PK\3\5", 1)
    assert codes(archive) == {"a": "IMAGE_UNDECODABLE", "b": ""}


@pytest.mark.parametrize("less", [1, 5, 500])
def test_a_file_cut_short_is_refused(less):
    data = noise(1000)
    archive = one_file_zip(data, packed=len(deflate(data)) - less)
    assert codes(archive) == {"a.jpg": "IMAGE_UNDECODABLE"}


@pytest.mark.parametrize("said", [0, 1, 999, 1001, 2**32 - 2])
def test_a_size_that_is_a_lie_refuses_the_file(said):
    assert codes(one_file_zip(noise(1000), unpacked=said)) == {"a.jpg": "IMAGE_UNDECODABLE"}


def test_a_huge_file_that_says_it_is_small_is_measured(settings):
    settings.MAX_IMAGE_BYTES = 2000
    assert codes(one_file_zip(noise(9000), unpacked=10)) == {"a.jpg": "IMAGE_TOO_LARGE"}


def test_a_packed_size_that_reaches_into_the_table_is_unreadable():
    assert code_of(one_file_zip(b"a", packed=5000)) == "ARCHIVE_UNREADABLE"


def test_an_offset_beyond_the_file_is_unreadable():
    assert code_of(one_file_zip(b"a", offset=2**31)) == "ARCHIVE_UNREADABLE"


@pytest.mark.parametrize("said", [10, 1000, 8 * MEGABYTE])
def test_a_file_that_unpacks_to_over_a_hundred_times_its_size_is_a_bomb(said):
    assert code_of(one_file_zip(bytes(8 * MEGABYTE), unpacked=said)) == "ARCHIVE_BOMB"


def test_a_bomb_over_the_cap_is_a_bomb_though_it_is_not_read_to_the_end():
    assert code_of(one_file_zip(bytes(40 * MEGABYTE))) == "ARCHIVE_BOMB"


def test_a_small_file_may_be_as_empty_as_it_likes():
    assert contents(one_file_zip(bytes(MEGABYTE))) == {"a.jpg": bytes(MEGABYTE)}


def test_the_better_zip_bomb_is_true_deflate_and_is_refused():
    archive = quoted_overlap_bomb(20, b"a" * 100_000)
    with zipfile.ZipFile(io.BytesIO(archive)) as others:
        assert [info.file_size > 99_999 for info in others.infolist()] == [True] * 20
    assert code_of(archive) == "ARCHIVE_BOMB"


def test_the_quoting_that_the_bomb_above_does_is_harmless_where_nothing_is_shared():
    assert contents(quoted_overlap_bomb(1, b"a" * 1000)) == {"1": b"a" * 1000}


def test_overlap_hidden_in_extra_fields_is_a_bomb():
    assert code_of(extra_field_bomb(20, noise(5000))) == "ARCHIVE_BOMB"


def test_overlap_that_only_local_headers_show_is_a_bomb():
    first, second = Part(b"a", 0, 0, 0), Part(b"b", 0, 0, 0)
    body = first.local(extra=31) + second.local()
    parts = [first, second._replace(offset=len(first.local()))]
    assert code_of(zip_by_hand(body, parts)) == "ARCHIVE_BOMB"


def test_two_names_for_the_same_bytes_are_a_bomb():
    part = Part(b"a", 0, 0, 0)
    assert code_of(zip_by_hand(part.local(), [part, part])) == "ARCHIVE_BOMB"


def test_a_file_between_encrypted_ones_is_read():
    parts = [Part(b"a", 0, 0, 0, flags=1), Part(b"b", 0, 0, 0, offset=31, method=0)]
    found = read(zip_by_hand(parts[0].local() + parts[1].local(), parts))
    assert [entry.problem and entry.problem.code for entry in found] == [
        "ARCHIVE_ENTRY_REFUSED",
        None,
    ]
    assert "without a password" in found[0].problem.detail


def test_an_archive_that_is_encrypted_throughout_is_told_as_such():
    assert code_of(one_file_zip(b"picture", flags=1)) == "ARCHIVE_ENCRYPTED"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_rare_compression_is_refused_for_that_file(method):
    assert "compression is not supported" in why(zip_of({"a": b"text"}, method))


@pytest.mark.parametrize("said", [{"method": 9}, {"method": 99}, {"flags": 1 << 5}])
def test_an_unknown_compression_is_refused_for_that_file(said):
    assert "compression is not supported" in why(one_file_zip(b"text", **said))


def test_a_link_is_refused():
    assert "a link" in why(zip_of_mode("a", b"/etc/passwd", stat.S_IFLNK | 0o777))


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_device_is_refused(kind):
    assert "not an ordinary file" in why(zip_of_mode("a", b"", kind | 0o644))


@pytest.mark.parametrize(
    ("raw", "flags", "shown"),
    [
        ("кіт".encode(), 1 << 11, "кіт"),
        ("кіт".encode(), 0, "кіт"),
        ("кот".encode("cp866"), 0, "кот"),
        (b"\xff\xfe.jpg", 1 << 11, "\ufffd\ufffd.jpg"),
    ],
    ids=["marked as UTF-8", "UTF-8 from Unix", "from Windows", "not what it is marked as"],
)
def test_a_name_is_read_in_the_code_it_was_written_in(raw, flags, shown):
    assert Record(raw, flags, 0, 0, 0, 0, 0, 0).name == shown


def test_extra_fields_of_nothing_but_headers_take_no_time():
    part = Part(b"a", 0, 0xFFFFFFFF, 0, method=0)
    central = part.central()
    table = (central[:30] + struct.pack("<H", 65_532) + central[32:] + b"\7\0\0\0" * 16_383) * 200
    assert code_of(table + end_of_zip(len(table), 0)) == "ARCHIVE_UNREADABLE"
