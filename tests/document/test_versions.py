"""Promise 5: the last three versions are kept, and a file that cannot be read has a whole one to offer beside it."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.document.files import dumps, read_document, write_document
from netbuilder.document.model import About, Document
from netbuilder.document.sidecar import FOLDER
from netbuilder.document.versions import find_versions, keep_version, newest_good, prune_versions
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import tiny_cnn


def titled(number: int) -> Document:
    return replace(tiny_cnn(), about=About(title=f"version {number}"))


def save(path: Path, number: int, sound: bool = True) -> None:
    keep_version(path, is_sound=sound)
    write_document(path, titled(number))
    os.utime(path, (1_000_000 + number, 1_000_000 + number))
    prune_versions(path)


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    for number in range(6):
        save(path, number)
    versions = find_versions(path)
    assert [version.read().about.title for version in versions] == ["version 4", "version 3", "version 2"]
    assert [version.saved for version in versions] == [1_000_004, 1_000_003, 1_000_002]
    assert len(os.listdir(tmp_path / FOLDER)) == 3
    assert all(version.path.suffix == ".netb" for version in versions)


def test_versions_of_two_projects_are_told_apart(tmp_path: Path) -> None:
    for number in range(2):
        save(tmp_path / "net.netb", number)
    save(tmp_path / "net 2.netb", 7)
    save(tmp_path / "net 2.netb", 8)
    assert [version.read().about.title for version in find_versions(tmp_path / "net.netb")] == ["version 0"]
    assert [version.read().about.title for version in find_versions(tmp_path / "net 2.netb")] == ["version 7"]
    assert find_versions(tmp_path / "nowhere" / "x.netb") == []


def test_a_link_leads_to_the_versions_of_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    path, link = tmp_path / "far" / "net.netb", tmp_path / "link.netb"
    save(path, 0)
    link.symlink_to(path)
    save(link, 1)
    assert [version.read().about.title for version in find_versions(link)] == ["version 0"]
    assert not (tmp_path / FOLDER).exists()


def test_a_save_killed_halfway_leaves_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    save(path, 0)
    save(path, 1)
    keep_version(path, is_sound=True)  # and then it is killed
    assert [version.read().about.title for version in find_versions(path)] == ["version 0"]
    save(path, 2)
    assert [version.read().about.title for version in find_versions(path)] == ["version 1", "version 0"]


def test_a_disk_without_links_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "net.netb"
    save(path, 0)
    save(path, 1)
    (version,) = find_versions(path)
    assert version.read() == titled(0)
    assert version.saved == version.path.stat().st_mtime == 1_000_000


def test_a_damaged_file_is_kept_for_good(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    save(path, 0)
    path.write_text("damaged")
    for number in range(1, 6):
        save(path, number, sound=number > 1)
    damaged = [version for version in find_versions(path) if version.is_damaged]
    assert [version.path.read_text() for version in damaged] == ["damaged"]
    assert len(find_versions(path)) == 4


def check_damage(path: Path, count: int | None) -> None:
    """Flip a bit or cut the file at a place in every 4 kB; a reader without the versions has nothing then."""
    document = replace(tiny_cnn(), about=About(title="now", description="word " * 16_000))
    for number in range(2):
        save(path, number)
    write_document(path, document)
    keep_version(path, is_sound=True)
    whole = path.read_bytes()
    chance = random.Random(5)
    places = [start + chance.randrange(min(4_096, len(whole) - start)) for start in range(0, len(whole), 4_096)]
    unreadable = 0
    for place in places if count is None else chance.sample(places, count):
        for damaged in (whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :], whole[:place]):
            path.unlink()
            path.write_bytes(damaged)
            with pytest.raises(NetbuilderError):
                read_document(path)
            unreadable += 1
            found = newest_good(path)
            assert found is not None
            assert dumps(found[1]) == whole.decode()
            assert path.read_bytes() == damaged
    assert unreadable


def test_a_damaged_file_has_the_newest_whole_one_beside_it(tmp_path: Path) -> None:
    check_damage(tmp_path / "net.netb", 10)


@pytest.mark.slow
def test_damage_anywhere_leaves_the_newest_whole_one(tmp_path: Path) -> None:
    check_damage(tmp_path / "net.netb", None)


def test_the_newest_version_may_be_damaged_too(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    for number in range(3):
        save(path, number)
    find_versions(path)[0].path.write_text("{")
    found = newest_good(path)
    assert found is not None
    assert found[1] == titled(0)
    for version in find_versions(path):
        version.path.write_text("{")
    assert newest_good(path) is None
