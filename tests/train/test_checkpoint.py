"""Checkpoints under what really happens to them: flipped bits, lost files, a full disk, SIGKILL, threads."""

import hashlib
import json
import logging
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay.train import checkpoint
from assay.train.checkpoint import CheckpointError


class State(NamedTuple):
    params: dict
    optimizer: optax.OptState
    key: jax.Array


def state(seed: int) -> State:
    """Every kind of leaf that training has: bfloat16, scalars, NaN payloads, empty subtrees, typed keys."""
    key = jax.random.key(seed)
    params = {
        "dense/0": {"kernel": jax.random.normal(key, (3, 5)), "bias": jnp.zeros(5)},
        "half": jax.random.normal(key, (7,), jnp.bfloat16),
        "odd": jnp.array([np.nan, -0.0, np.inf, 1e-45], jnp.float32),
        "none": {},
    }
    tx = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    return State(params, tx.init(params), jax.random.split(key, 4))


def bits(tree) -> list[tuple]:
    """Type, dtype, shape and bytes of every leaf."""
    found = []
    for leaf in jax.tree.leaves(tree):
        is_key = isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        data = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        found.append((type(leaf), str(getattr(leaf, "dtype", "")), data.shape, data.tobytes()))
    return found


def assert_same(restored, expected) -> None:
    assert jax.tree.structure(restored) == jax.tree.structure(expected)
    assert bits(restored) == bits(expected)


@pytest.fixture
def two_steps(tmp_path) -> pathlib.Path:
    """A folder with the steps 1 and 2, which hold `state(1)` and `state(2)`."""
    for step in (1, 2):
        checkpoint.save(tmp_path / "pack", step, state(step), {"step": step})
    return tmp_path / "pack"


def assert_falls_back(folder: pathlib.Path, caplog, template=None) -> None:
    """Step 2 is put aside with one line in the log, and step 1 is used."""
    caplog.clear()
    restored = checkpoint.restore_latest_good(folder, state(0) if template is None else template)
    assert restored.step == 1 and restored.extra == {"step": 1}
    assert_same(restored.tree, state(1))
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2.bad"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "\n" not in record.getMessage()
    assert str(folder / "2") in record.getMessage() and "2.bad" in record.getMessage()


def test_every_kind_of_leaf_comes_back_bit_for_bit(tmp_path):
    tree = (state(1), np.arange(6, dtype=np.int64).reshape(2, 3).T, 3, 2.5, True, None, (), [])
    checkpoint.save(tmp_path, 7, tree, {"seconds": 0.1, "alive": [True, None], "lines": {"a": 1}})
    restored = checkpoint.restore_latest_good(tmp_path, tree)
    assert restored.step == 7 and restored.extra == {"seconds": 0.1, "alive": [True, None], "lines": {"a": 1}}
    assert_same(restored.tree, tree)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_template_may_be_shapes_alone(tmp_path, impl):
    tree = state(1)._replace(key=jax.random.key(5, impl=impl))
    checkpoint.save(tmp_path, 1, tree)
    restored = checkpoint.restore_latest_good(tmp_path, jax.eval_shape(lambda: tree)).tree
    assert_same(restored, tree)
    np.testing.assert_array_equal(jax.random.uniform(restored.key, (3,)), jax.random.uniform(tree.key, (3,)))


@pytest.mark.parametrize("tree", [{}, {"no": jnp.zeros((0, 3))}, (jax.random.split(jax.random.key(0), 0), 1)])
def test_trees_and_leaves_without_elements(tmp_path, tree):
    checkpoint.save(tmp_path, 1, tree)
    assert_same(checkpoint.restore_latest_good(tmp_path, tree).tree, tree)


def test_restored_arrays_cost_no_second_compilation(tmp_path):
    traces = []

    @jax.jit
    def step(tree):
        traces.append(1)
        return tree

    tree = step(state(1).params)
    step(tree)
    traces.clear()
    checkpoint.save(tmp_path, 1, tree)
    before = step._cache_size()
    step(checkpoint.restore_latest_good(tmp_path, tree).tree)
    assert not traces and step._cache_size() == before


def test_nothing_saved_is_none(tmp_path):
    assert checkpoint.restore_latest_good(tmp_path / "none", state(0)) is None
    assert checkpoint.steps(tmp_path / "none") == []
    checkpoint.remove(tmp_path / "none")


def test_the_last_two_steps_are_kept(tmp_path):
    for step in (5, 10, 100, 20):  # 20 after 100: a run begun anew, whose steps before count and after do not
        checkpoint.save(tmp_path, step, {"a": jnp.full(3, step)})
    assert checkpoint.steps(tmp_path) == [10, 20]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "20"]
    checkpoint.save(tmp_path, 20, {"a": jnp.full(3, -1)})
    restored = checkpoint.restore_latest_good(tmp_path, {"a": jnp.zeros(3, int)})
    assert restored.step == 20 and restored.tree["a"].tolist() == [-1, -1, -1]
    checkpoint.remove(tmp_path)
    assert not tmp_path.exists()


def test_a_flipped_bit_in_any_file_is_noticed(two_steps, tmp_path, caplog):
    files = sorted(path.relative_to(two_steps) for path in (two_steps / "2").rglob("*") if path.is_file())
    assert len(files) > 5 and max((two_steps / name).stat().st_size for name in files) > 500
    draw = random.Random(0)
    for name in files:
        content = (two_steps / name).read_bytes()
        for _ in range(2):
            folder = tmp_path / "flipped"
            shutil.copytree(two_steps, folder)
            flipped, at = bytearray(content), draw.randrange(8 * len(content))
            flipped[at // 8] ^= 1 << at % 8
            (folder / name).write_bytes(flipped)
            assert_falls_back(folder, caplog)
            shutil.rmtree(folder)


def test_a_truncated_or_missing_file_is_noticed(two_steps, tmp_path, caplog):
    files = sorted(path.relative_to(two_steps) for path in (two_steps / "2").rglob("*") if path.is_file())
    assert pathlib.Path("2/manifest.json") in files
    for name in files:
        for size in (None, (two_steps / name).stat().st_size - 1):
            folder = tmp_path / "torn"
            shutil.copytree(two_steps, folder)
            if size is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes((two_steps / name).read_bytes()[:size])
            assert_falls_back(folder, caplog)
            shutil.rmtree(folder)


def test_a_changed_manifest_is_noticed(two_steps, caplog):
    path = two_steps / "2" / "manifest.json"
    path.write_text(path.read_text().replace('"extra": {"step": 2}', '"extra": {"step": 3}'))
    assert_falls_back(two_steps, caplog)
    assert "manifest.json is not what was saved" in caplog.text


def test_bits_that_orbax_restores_wrong_are_noticed(two_steps, caplog):
    """The leaves' own hashes: arrays that were wrong on the disk before their files were hashed."""
    other = two_steps.parent / "other"
    tree = state(2)
    tree.params["odd"] = tree.params["odd"].at[3].set(0.0)
    checkpoint.save(other, 2, tree, {"step": 2})
    content = json.loads((two_steps / "2" / "manifest.json").read_text())["content"]
    swapped = json.loads((other / "2" / "manifest.json").read_text())["content"]
    content["files"] = swapped["files"]
    manifest = {"sha256": hashlib.sha256(json.dumps(content).encode()).hexdigest(), "content": content}
    (other / "2" / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(two_steps / "2")
    shutil.move(other / "2", two_steps / "2")
    assert_falls_back(two_steps, caplog)
    assert "odd" in caplog.text and "other bits" in caplog.text


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (jnp.zeros((3, 5), jnp.bfloat16), "dtype float32, wanted is bfloat16"),
        (jnp.zeros((5, 3)), r"shape [3, 5], wanted is [5, 3]"),
        (None, "kernel"),
    ],
)
def test_what_does_not_fit_the_template_is_not_cast(two_steps, caplog, leaf, said):
    template = state(0)
    template.params["dense/0"]["kernel"] = leaf
    assert checkpoint.restore_latest_good(two_steps, template) is None
    assert len(caplog.records) == 2 and said in caplog.text
    assert sorted(path.name for path in two_steps.iterdir()) == ["1.bad", "2.bad"]


def test_a_second_bad_step_of_the_same_number_is_kept_too(two_steps, caplog):
    (two_steps / "2" / "manifest.json").unlink()
    assert_falls_back(two_steps, caplog)
    checkpoint.save(two_steps, 2, state(2))
    (two_steps / "2" / "manifest.json").unlink()
    assert checkpoint.restore_latest_good(two_steps, state(0)).step == 1
    assert sorted(path.name for path in two_steps.iterdir()) == ["1", "2.bad", "2.bad2"]


@pytest.mark.parametrize(
    ("tree", "extra", "said"),
    [
        ({"name": "text"}, {}, "['name'] is of type str"),
        ({"a": jnp.zeros(2)}, {"loss": float("nan")}, "JSON"),
        ({"a": jnp.zeros(2)}, {"loss": object()}, "JSON"),
    ],
)
def test_what_cannot_be_saved_is_said_in_one_line(two_steps, tree, extra, said):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.save(two_steps, 3, tree, extra)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(path.name for path in two_steps.iterdir()) == ["1", "2"]


def test_full_disk_costs_nothing_saved_before(small_disk):
    folder = small_disk(512) / "pack"
    large = {"a": np.random.default_rng(0).standard_normal(100_000)}  # 0.8 MB
    for step in (1, 2):
        checkpoint.save(folder, step, {"a": np.full(100, step)})
    with pytest.raises(CheckpointError, match=r"the disk is full \(0.9 MB needed, 0\.\d MB free\)") as caught:
        checkpoint.save(folder, 3, large)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
    assert checkpoint.restore_latest_good(folder, {"a": np.zeros(100, int)}).step == 2


# A limit on the size of a file is met in the middle of a write, as a disk that others fill meanwhile is.
_LIMITED = """
import pathlib, resource, sys
import numpy as np
from assay.train import checkpoint
folder = pathlib.Path(sys.argv[1])
checkpoint.save(folder, 1, {"a": np.arange(100)})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    checkpoint.save(folder, 2, {"a": np.random.default_rng(0).standard_normal(100_000)})
except checkpoint.CheckpointError as error:
    assert "\\n" not in str(error)
    print("refused", *sorted(path.name for path in folder.iterdir()))
print("restored", checkpoint.restore_latest_good(folder, {"a": np.zeros(100, int)}).step)
"""


def test_a_write_that_fails_half_way_leaves_no_step(tmp_path):
    command = [sys.executable, "-c", _LIMITED, str(tmp_path / "pack")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.stdout.splitlines() == ["refused 1", "restored 1"], done.stderr


_SAVING = """
import pathlib, sys
import numpy as np
from assay.train import checkpoint
for step in range(1, 10_000):
    tree = [np.random.default_rng([step, i]).standard_normal((16, 50)).astype(np.float32) for i in range(20)]
    checkpoint.save(pathlib.Path(sys.argv[1]), step, tree, {"step": step})
    print(step, flush=True)
"""


def saved_by_child(step: int) -> list[np.ndarray]:
    return [np.random.default_rng([step, i]).standard_normal((16, 50)).astype(np.float32) for i in range(20)]


def environment() -> dict[str, str]:
    root = pathlib.Path(__file__).parents[2]
    return {"PYTHONPATH": str(root / "lib"), "PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu"}


@pytest.mark.parametrize("seed", range(4))
def test_sigkill_while_saving_loses_no_step_that_was_reported(tmp_path, seed):
    folder, draw = tmp_path / "pack", random.Random(seed)
    command = [sys.executable, "-c", _SAVING, str(folder)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as child:
        reported = [int(child.stdout.readline()) for _ in range(draw.randrange(2, 6))]
        time.sleep(draw.uniform(0.0, 0.06))  # into the middle of a save
        child.send_signal(signal.SIGKILL)
        reported += map(int, child.stdout.read().split())
    assert child.returncode == -signal.SIGKILL
    restored = checkpoint.restore_latest_good(folder, saved_by_child(0))
    assert restored.step >= max(reported) and restored.extra == {"step": restored.step}
    assert_same(restored.tree, saved_by_child(restored.step))
    assert not list(folder.glob("*.bad"))
    checkpoint.save(folder, restored.step + 1, saved_by_child(0))  # what was left half done is out of the way
    assert not list(folder.glob(".*"))


def test_threads_may_save_different_folders_at_once(tmp_path):
    failed = []

    def work(name: int) -> None:
        try:
            for step in range(1, 6):
                tree = saved_by_child(100 * name + step)
                checkpoint.save(tmp_path / str(name), step, tree)
                assert_same(checkpoint.restore_latest_good(tmp_path / str(name), tree).tree, tree)
        except BaseException as error:  # would otherwise end with the thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert [checkpoint.steps(tmp_path / str(name)) for name in range(3)] == [[4, 5]] * 3


def test_saving_says_nothing(tmp_path, caplog, capfd):
    with caplog.at_level(logging.INFO, logger="assay"):
        checkpoint.save(tmp_path, 1, state(1))
        checkpoint.restore_latest_good(tmp_path, state(1))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert capfd.readouterr() == ("", "")
