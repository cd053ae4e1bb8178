"""Which pictures are found, what they are called, how they are grouped."""

import os
from pathlib import Path

import pytest

from kadr_client import files
from kadr_client.errors import UsageError
from kadr_client.files import Picture, find, sendable, split


def names(*given: Path) -> list[str]:
    return [picture.name for picture in find(map(str, given))]


def test_a_folder_gives_its_jpegs_of_any_case_sorted_and_recursively(pictures):
    assert names(pictures) == [
        f"pictures/{name}" for name in ("a.JPG", "b.jpg", "c.jpeg", "deep/d.JPEG", "deep/e.jpg")
    ]


def test_a_file_is_taken_whatever_its_name(pictures):
    assert names(pictures / "notes.txt") == ["notes.txt"]


def test_the_name_of_a_folder_is_the_same_from_inside_it(pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    assert names(Path()) == names(pictures) == names(Path("../pictures"))


def test_the_path_shown_is_the_one_that_was_typed(pictures, monkeypatch):
    monkeypatch.chdir(pictures.parent)
    assert str(find(["pictures"])[3].path) == "pictures/deep/d.JPEG"


def test_a_picture_given_twice_is_sent_once(pictures):
    assert len(names(pictures, pictures / "b.jpg", pictures / "deep")) == 5


def test_pictures_of_one_name_in_two_places_get_two_names(pictures, tmp_path):
    other = tmp_path / "b.jpg"
    other.write_bytes(b"another")
    assert names(pictures / "b.jpg", other) == ["b.jpg", "b~2.jpg"]


def test_a_path_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"no such file or folder: .*gone"):
        find([str(tmp_path / "gone")])


def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        find([str(tmp_path / "pipe")])


def test_a_link_round_in_a_circle_is_not_followed(pictures):
    (pictures / "round").symlink_to(pictures)
    assert len(names(pictures)) == 5


def test_a_dangling_link_is_found_and_left_for_later_to_tell(pictures):
    (pictures / "z.jpg").symlink_to("nowhere")
    assert find([str(pictures)])[-1].size == 0


@pytest.mark.parametrize("name", ['a"b.jpg', "a\r\nb.jpg", "a\\b.jpg", "a&amp;b.jpg", "a%22b.jpg"])
def test_what_a_form_would_change_on_the_way_is_replaced_before(name):
    plain = sendable(name)
    assert plain.isprintable() and not set(plain) & set('"\\&%;')


def test_letters_of_every_script_stay():
    assert sendable("фото/кіт — 1.jpg") == "фото/кіт — 1.jpg"


def test_bytes_that_are_no_text_can_be_sent():
    assert sendable(os.fsdecode(b"\xff.jpg")) == "_.jpg"


def test_a_long_name_keeps_its_end_and_stays_itself():
    one, other = sendable("a" * 400 + "/x.jpg"), sendable("b" * 400 + "/x.jpg")
    assert one != sendable("c" + "a" * 399 + "/x.jpg")
    assert max(len(one), len(other)) <= 255 and one.endswith("/x.jpg")


def group_sizes(sizes: list[int]) -> list[int]:
    pictures = [Picture(Path(str(n)), str(n), size) for n, size in enumerate(sizes)]
    groups = list(split(pictures))
    assert [picture for group in groups for picture in group] == pictures
    return [len(group) for group in groups]


def test_no_group_has_more_than_a_thousand_files():
    assert group_sizes([1] * 2001) == [1000, 1000, 1]


def test_no_group_with_its_form_is_over_200_megabytes():
    assert group_sizes([90_000_000] * 5) == [2, 2, 1]
    assert group_sizes([100_000_000] * 2) == [1, 1]


def test_a_giant_goes_alone():
    assert group_sizes([1, files.MOST_BYTES * 2, 1]) == [1, 1, 1]


def test_nothing_makes_no_group():
    assert group_sizes([]) == []
