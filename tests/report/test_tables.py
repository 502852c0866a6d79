from collections.abc import Callable
from pathlib import Path

from pyarrow import parquet
import pytest

from assay import report


def test_a_verdict_has_its_numbers_statement_and_reason(verdicts: list[dict]):
    text = report.verdict_table(verdicts, unicode=True)
    [row] = [line for line in text.splitlines() if line.endswith("tanh_glorot")]
    assert row.split() == "confirmed +0.61 points [+0.41, +0.81] 0.20 points 10 tanh_glorot".split()
    [row] = [line for line in text.splitlines() if line.endswith("relu_speed")]
    assert row.split() == "confirmed 3 times [2, 4] 1.5 times 10 relu_speed".split()
    assert text.count("not tested") == 1 and "    arm activation=elu is not in this run" in text
    assert max(map(len, text.splitlines())) <= report.tables.WIDTH


def test_an_interval_without_end_says_so(verdicts: list[dict]):
    open_ended = verdicts[0] | {"interval": [0.001, None]}
    assert "[+0.10, no bound]" in report.verdict_table([open_ended])
    assert "[" not in report.verdict_table([verdicts[0] | {"interval": [None, None], "reason": ""}]).replace(
        "[interval]", ""
    )


def test_long_words_wrap_and_control_characters_do_not_reach_the_terminal(verdicts: list[dict]):
    loud = verdicts[0] | {"statement": "x" * 500, "claim": "c" * 80, "reason": "a\x1b[31m\nb " * 60}
    text = report.verdict_table([loud])
    assert max(map(len, text.splitlines())) <= 100 and "\x1b" not in text
    assert text.count("x") == 500


def test_ascii_where_the_terminal_has_nothing_more(verdicts: list[dict], monkeypatch: pytest.MonkeyPatch):
    text = report.verdict_table([verdicts[0] | {"reason": "±0.2 – “far” ≤ 日"}], unicode=False)
    assert text.isascii() and '+-0.2 - "far" <= ?' in text


def test_no_verdicts_and_no_trials():
    assert report.verdict_table([]) == "no verdicts yet"
    assert report.arm_table([], ["lr"]) == "no finished trials yet"


def test_arms_line_up_and_count_divergences(make_store: Callable[..., Path]):
    rows = parquet.read_table(make_store(seeds=2) / "results.parquet").to_pylist()
    lines = report.arm_table(rows, ["activation", "init"]).splitlines()
    assert len(lines) == 2 + 12 and max(map(len, lines)) <= 100
    assert len({len(line) for line in lines}) == 1
    lost = lines[2 + 2]
    assert (
        lost.startswith("sigmoid, he_normal")
        and "100.00 %" in lost
        and lost.split()[-4:] == ["2", "not", "reached", "(0/2)"]
    )


def test_a_long_arm_is_continued_below_itself(make_store: Callable[..., Path]):
    long = "resnet(depth=20,shortcut='A',skip=True,width=16)"
    rows = parquet.read_table(
        make_store(axes={"model": [long, "lenet"]}, seeds=1) / "results.parquet"
    ).to_pylist()
    text = report.arm_table(rows, ["model"])
    assert max(map(len, text.splitlines())) <= 100
    assert long in "".join(
        line.split("  ")[0] if line[:1] != " " else line.strip() for line in text.splitlines()
    )
