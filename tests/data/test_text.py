"""Text: windows give the text back, and tiny_shakespeare is the real one."""

import collections
import shutil

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from assay import data
from assay.data.text import decode, divided, text_parts
from assay.spec import build, SpecError


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=150, max_size=200), st.integers(1, 5))
def test_windows_give_the_text_back(whole, window):
    texts = divided(whole)
    assert "".join(texts.values()) == whole
    parts = text_parts(texts, window, "made for this test")
    assert parts.symbols == "".join(sorted(set(whole))) and parts.num_classes == len(set(whole))
    for role in ("validation", "test"):
        split = getattr(parts, role)
        assert decode(split.x[0], parts.symbols) + decode(split.y, parts.symbols) == texts[role]
        assert split.x.dtype == split.y.dtype == np.int32 and split.x.shape == (len(split.y), window)
    seen = collections.Counter(decode([*x, y], parts.symbols) for x, y in zip(*parts.train))
    train = texts["train"]
    assert seen == collections.Counter(train[i : i + window + 1] for i in range(len(train) - window))


def test_tiny_shakespeare_is_the_real_one(shared_data, tmp_path):
    shutil.copytree(shared_data / "tiny_shakespeare", tmp_path / "manual" / "tiny_shakespeare")
    whole = (shared_data / "tiny_shakespeare" / "input.txt").read_text()
    texts = divided(whole)
    for _ in range(2):  # the second time from the cache
        loaded = data.load("tiny_shakespeare(window=5)", tmp_path)
        assert loaded.num_classes == len(loaded.symbols) == 65
        assert [len(split.y) + 5 for split in (loaded.train, loaded.validation, loaded.test)] == [1003854, 55770, 55770]
        assert decode(loaded.test.x[0], loaded.symbols) + decode(loaded.test.y, loaded.symbols) == texts["test"]
        assert "tiny_shakespeare/1.0.0" in loaded.note
        shutil.rmtree(tmp_path / "manual", ignore_errors=True)
        shutil.rmtree(tmp_path / "tiny_shakespeare", ignore_errors=True)


def test_without_network_one_line_says_what_to_put_where(tmp_path, monkeypatch):
    for scheme in ("http", "https"):  # a port nobody listens on: offline wherever this test runs
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
    with pytest.raises(data.DataError) as caught:
        data.load("tiny_shakespeare", tmp_path)
    message = str(caught.value)
    assert "\n" not in message and "cannot be downloaded" in message and "input.txt" in message
    assert str(tmp_path / "manual" / "tiny_shakespeare") in message


def test_a_users_own_text(tmp_path):
    file = tmp_path / "mine.txt"
    with pytest.raises(data.DataError, match="cannot read the text .*mine.txt: No such file"):
        data.load(f"text(path={str(file)!r})")
    file.write_bytes(b"\xff" * 300)
    with pytest.raises(data.DataError, match="it is not UTF-8"):
        data.load(f"text(path={str(file)!r})")
    file.write_text("abc")
    with pytest.raises(data.DataError, match="too few for a window of 8"):
        data.load(f"text(path={str(file)!r})")
    file.write_text("Grüße! " * 40, encoding="utf-8")
    loaded = data.load(f"text(path={str(file)!r})")
    assert loaded.symbols == " !Gerßü" and loaded.note == "text of the file mine.txt"
    with pytest.raises(SpecError, match="window must be at least 1"):
        build(data.DATASETS, "tiny_shakespeare(window=0)", "dataset")
