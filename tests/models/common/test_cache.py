from pathlib import Path

import pytest

from models.common.cache import cache_folder, kept_folder


def test_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "earshot"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "earshot"


def test_a_folder_is_filled_once_and_whole(tmp_path):
    def fill(folder):
        assert not (tmp_path / "root" / "things").exists()
        (folder / "thing").write_text("made")

    def never(folder):
        raise AssertionError

    folder = kept_folder(tmp_path / "root", "things", fill)
    assert folder == kept_folder(tmp_path / "root", "things", never)
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["things"]
    assert (folder / "thing").read_text() == "made"


def test_what_fails_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        kept_folder(tmp_path, "things", fail)
    assert list(tmp_path.iterdir()) == []


def test_who_comes_second_takes_what_the_first_made(tmp_path):
    def fill(folder):
        kept_folder(tmp_path, "things", lambda first: (first / "thing").write_text("first"))
        (folder / "thing").write_text("second")

    assert (kept_folder(tmp_path, "things", fill) / "thing").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["things"]
