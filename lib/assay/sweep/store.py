"""Store: the results of a study on disk, which are the truth.

    runs/<study>/<trial id>/config.json     the Config and what produced it
    runs/<study>/<trial id>/metrics.jsonl   one JSON object a line, appended while the trial runs
    runs/<study>/<trial id>/findings.npz    pictures and texts of the trained network, where its task makes any
    runs/<study>/<trial id>/done.json       written last: the trial is done if it is whole and fits the others
    runs/<study>/packs/<pack id>/           checkpoints of a pack of trials (assay.train.checkpoint)
    runs/<study>/results.parquet, verdicts.json, study.json

Every file but metrics.jsonl appears whole, by rename. Nothing is synced: a killed process loses nothing by
that, and what a power cut tears no longer fits the hashes in done.json, so that the trial is run again. One
writer per trial; different trials may be written by different threads and processes.
"""

from collections.abc import Mapping, Sequence
import contextlib
import hashlib
import io
import json
import logging
import pathlib
import shutil
from typing import Any

import numpy as np

from assay import config as configs
from assay.sweep.files import append, read, StoreError, strict_json, write, writing
from assay.sweep.locks import study_lock
from assay.train import checkpoint

WHOLE_NUMBERS = ("steps_to_target", "parameters")  # final metrics that count something; all others are float


class Store:
    """The folder `<root>/<study>`. As a context manager it keeps every other process from running the study.

    Args:
      part: whether only some trials are trained, so that others may train other parts meanwhile.

    Raises (all methods):
      StoreError: the disk is full, the folder cannot be written, or another process runs the study (`with`).
    """

    def __init__(self, root: pathlib.Path | str, study: str, part: bool = False):
        self.root, self.study = pathlib.Path(root), study
        self.folder = self.root / study
        self._lock = contextlib.ExitStack()
        self._part = part
        self._noticed: set[str] = set()

    def __enter__(self) -> "Store":
        self._lock.enter_context(study_lock(self.folder, shared=self._part))
        return self

    def __exit__(self, *exception: Any) -> None:
        self._lock.close()

    def pack_dir(self, pack_id: str) -> pathlib.Path:
        """Where a pack of trials keeps its checkpoints."""
        return self.folder / "packs" / pack_id

    def begin(self, trial_id: str, config: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Writes config.json; what an earlier start of the trial left is discarded."""
        folder = self.folder / trial_id
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("done.json", "metrics.jsonl", "findings.npz", "error.txt"):
                (folder / name).unlink(missing_ok=True)
        write(folder / "config.json", strict_json({"config": config, "provenance": provenance}))

    def config(self, trial_id: str) -> dict[str, Any]:
        """What `begin` was given: {"config": ..., "provenance": ...}.

        Raises:
          StoreError: config.json is missing or damaged.
        """
        path = self.folder / trial_id / "config.json"
        try:
            return _record(read(path))
        except ValueError:
            raise StoreError(f"{path} is damaged; run the study again to renew the trial") from None

    def went_on(self, trial_id: str, where: str) -> None:
        """Adds to the provenance of a trial under way that it was gone on with elsewhere."""
        record = self.config(trial_id)
        record["provenance"] |= {"went_on_by": where}
        write(self.folder / trial_id / "config.json", strict_json(record))

    def append_metrics(self, trial_id: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Adds lines to metrics.jsonl, all of them or none; numbers that are not finite become null."""
        if not records:
            return
        lines = "".join(strict_json(record) + "\n" for record in records)
        append(self.folder / trial_id / "metrics.jsonl", lines.encode())

    def mark(self, trial_id: str) -> dict[str, Any]:
        """What a checkpoint keeps of a trial's files, for `rewind` to find the same: lines of metrics.jsonl, a hash."""
        metrics = read(self.folder / trial_id / "metrics.jsonl")
        whole = metrics[: metrics.rfind(b"\n") + 1]
        return {"lines": whole.count(b"\n"), "sha256": self._begun_sha256(trial_id, whole)}

    def _begun_sha256(self, trial_id: str, metrics: bytes) -> str:
        record = self.config(trial_id)
        begun = {name: value for name, value in record.get("provenance", {}).items() if name != "went_on_by"}
        return _sha256(strict_json([record.get("config"), begun]).encode() + metrics)

    def metrics(self, trial_id: str) -> list[dict[str, Any]]:
        """The records of metrics.jsonl; a torn last line, as a killed process leaves it, is no record.

        Raises:
          StoreError: a line that is no JSON object.
        """
        path = self.folder / trial_id / "metrics.jsonl"
        try:
            return [_record(line) for line in read(path).split(b"\n")[:-1]]
        except ValueError as error:
            raise StoreError(f"{path} is damaged ({error}); run the study again to renew the trial") from None

    def rewind(self, trial_id: str, mark: Mapping[str, Any]) -> bool:
        """Takes metrics.jsonl back to where it was at a checkpoint that resumes the trial.

        Returns:
          False if the trial's files are not those of the checkpoint: damaged, or of a later start; it must then `begin`
          anew.
        """
        path = self.folder / trial_id / "metrics.jsonl"
        content = read(path)
        kept = b"".join(line + b"\n" for line in content.split(b"\n")[:-1][: mark["lines"]])
        try:
            same = self._begun_sha256(trial_id, kept) == mark["sha256"]
        except StoreError:
            same = False
        if not same:
            self._notice(trial_id, "its files are not those of its checkpoint")
            return False
        if kept != content:
            write(path, kept)
        return True

    def finish(
        self,
        trial_id: str,
        *,
        status: str,
        steps: int,
        diverged_at: int | None,
        final: Mapping[str, Any],
        seconds: float,
    ) -> None:
        """Makes the trial done: writes done.json with the hashes of the trial's other files.

        Args:
          status: "done" or "diverged".
          steps: of training.
          diverged_at: step, or None.
          final: metrics by name; numbers that are not finite become null.
          seconds: of training.
        """
        folder = self.folder / trial_id
        metrics = read(folder / "metrics.jsonl")
        record = {
            "id": trial_id,
            "status": status,
            "steps": steps,
            "diverged_at": diverged_at,
            "final": final,
            "seconds": seconds,
            "metrics_lines": metrics.count(b"\n"),
            "metrics_sha256": _sha256(metrics),
            "config_sha256": _sha256(read(folder / "config.json")),
        }
        if findings := read(folder / "findings.npz"):
            record["findings_sha256"] = _sha256(findings)
        record["sha256"] = _sha256(strict_json(record).encode())
        write(folder / "done.json", strict_json(record))

    def write_findings(self, trial_id: str, pictures: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> None:
        """Writes findings.npz, if there is anything to write: arrays `picture/<title>` and `text/<title>`.

        Args:
          pictures: title to uint8 `[rows, columns, H, W, C]`.
          texts: title to text.
        """
        if not pictures and not texts:
            return
        arrays = {f"picture/{title}": np.asarray(array, np.uint8) for title, array in pictures.items()}
        arrays |= {f"text/{title}": np.frombuffer(text.encode(), np.uint8) for title, text in texts.items()}
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        write(self.folder / trial_id / "findings.npz", content.getvalue())

    def done(self, trial_id: str) -> dict[str, Any] | None:
        """done.json if the trial is done; None, with one warning, if any of its files is not what it was."""
        trial = self._finished(trial_id)
        return trial and trial[0]

    def _finished(self, trial_id: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """done.json and the Config."""
        folder = self.folder / trial_id
        if not (content := read(folder / "done.json")) and not (folder / "done.json").exists():
            return None
        try:
            record = _record(content)
            sha256 = record.pop("sha256")
        except (ValueError, KeyError):
            return self._notice(trial_id, "done.json is torn")
        config, metrics = read(folder / "config.json"), read(folder / "metrics.jsonl")
        if _sha256(strict_json(record).encode()) != sha256:
            return self._notice(trial_id, "done.json is not what was written")
        if _sha256(metrics) != record["metrics_sha256"]:
            return self._notice(trial_id, "metrics.jsonl is not what it was when the trial finished")
        if _sha256(config) != record["config_sha256"]:
            return self._notice(trial_id, "config.json is not what it was when the trial finished")
        if "findings_sha256" in record and _sha256(read(folder / "findings.npz")) != record["findings_sha256"]:
            return self._notice(trial_id, "findings.npz is not what it was when the trial finished")
        return record, json.loads(config)["config"]

    def _notice(self, trial_id: str, damage: str) -> None:
        if trial_id not in self._noticed:
            logging.getLogger(__name__).warning("%s: %s; it is run again", self.folder / trial_id, damage)
        self._noticed.add(trial_id)

    def write_error(self, trial_id: str, story: str) -> pathlib.Path:
        """Writes what a failed trial raised to error.txt; `begin` and `discard` delete it."""
        path = self.folder / trial_id / "error.txt"
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write(path, story)
        return path

    def discard(self, trial_id: str) -> None:
        """Deletes a trial; killed half-way, what is left of it is not done."""
        folder = self.folder / trial_id
        with writing(folder):
            (folder / "done.json").unlink(missing_ok=True)
            if folder.exists():
                shutil.rmtree(folder)

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """A row per finished trial: id, Config fields, status, steps, diverged_at, seconds, final metrics."""
        found = [trial for trial in map(self._finished, ids) if trial]
        names = list(dict.fromkeys(name for record, _ in found for name in record["final"]))
        return [
            {"id": record["id"]}
            | {name: tuple(v) if isinstance(v, list) else v for name, v in config.items()}
            | {name: record[name] for name in ("status", "steps", "diverged_at", "seconds")}
            | {name: record["final"].get(name) for name in names}
            for record, config in found
        ]

    def write_results(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Writes results.parquet from the finished trials among `ids` and returns its rows."""
        import pyarrow as pa  # slow to import
        from pyarrow import parquet

        rows = self.rows(ids)
        # Declared, not inferred: a column that is null throughout has its type all the same.
        kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        kinds[tuple] = pa.list_(pa.int64())
        types = {"id": kinds[str]} | {field.name: kinds[field.type] for field in configs.fields().values()}
        types |= {"status": kinds[str], "steps": kinds[int]}
        types |= {"diverged_at": kinds[int], "seconds": kinds[float]}
        for name in rows[0] if rows else ():
            types.setdefault(name, kinds[int] if name in WHOLE_NUMBERS else kinds[float])
        out = pa.BufferOutputStream()
        parquet.write_table(pa.Table.from_pylist(rows, pa.schema(list(types.items()))), out)
        write(self.folder / "results.parquet", out.getvalue().to_pybytes())
        return rows

    def discard_checkpoints(self) -> None:
        """Deletes what checkpoints are left, as packs were divided in another way, if no trial of the study needs one."""
        begun = self.folder.glob("*/config.json")
        if all(path.with_name("done.json").exists() for path in begun):
            checkpoint.remove(self.folder / "packs")

    def renewed(self, share: str) -> set[str]:
        """The trials that an unfinished renewal of a share of the study has discarded already."""
        try:
            return set(json.loads(read(self._renewal(share)) or b"[]"))
        except ValueError:
            return set()

    def renew(self, share: str, trial_ids: Sequence[str]) -> None:
        """Discards trials of a share and remembers it until `end_renewal`, so that no restart discards them again."""
        for trial_id in trial_ids:
            self.discard(trial_id)
        write(self._renewal(share), strict_json(sorted(self.renewed(share).union(trial_ids))))

    def end_renewal(self, share: str) -> None:
        """Forgets what was renewed: a renewal to come is another one."""
        with writing(self.folder):
            self._renewal(share).unlink(missing_ok=True)

    def _renewal(self, share: str) -> pathlib.Path:
        return self.folder / f"renewing-{share}.json"

    def write_json(self, name: str, content: Any) -> None:
        """Writes `<folder>/<name>` whole, as strict JSON."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, strict_json(content, indent=1))


def _record(line: bytes) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("a line is no JSON object")
    return record


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
