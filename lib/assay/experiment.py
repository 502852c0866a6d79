"""From a Study to its verdicts: trains what is missing, judges, adds seeds if asked, writes results and the report."""

from collections.abc import Sequence
import dataclasses
import datetime
import pathlib
import sys
from typing import Any

from assay.catalog import question_and_cost
from assay.claims import Claim, judge, Published, undecided, Verdict
from assay.claims.tuning import Choice, choose, tuned
from assay.config import Config
from assay.data import Dataset, load
from assay.exit_codes import FAILED, OK, STOPPED
from assay.report import arm_table, further_table, picture, tuning_table, verdict_table, write
from assay.spec import nearest, SpecError
from assay.sweep import engines, plan
from assay.sweep.provenance import differences, of_any_count, origin, provenance
from assay.sweep.store import Store
from assay.sweep.study import Study
from assay.train.canonical import canonical_value
from assay.train.loop import final_metrics, learning

ROUND = 3  # seeds that --until_decided adds at a time
RERUN = ("missing", "changed", "all")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A Study with its claims and published figures, and where and how it is run.

    Attributes:
      name: of the experiment's module, with "-smoke" for a smoke run; results are in `runs/<name>/`.
      about: its docstring.
      command: reproduces this run; stored with every verdict.
      options: how trials are run.
      runs: folder of results.
      rerun: which trials to train: "missing", "changed" (also those of other code or versions) or "all".
      part: train this share alone and write no report.
      until_decided: whether to add seeds until every claim is settled, up to `max_seeds`.
    """

    name: str
    about: str
    study: Study
    claims: Sequence[Claim]
    published: Sequence[Published]
    command: str
    options: engines.Options = engines.Options()
    runs: pathlib.Path = pathlib.Path("runs")
    rerun: str = "missing"
    part: plan.Part | None = None
    until_decided: bool = False
    max_seeds: int = 50

    def conduct(self) -> engines.Outcome:
        """Runs the experiment to its report; of a part, its trials alone.

        Raises:
          SpecError, DataError: wrong input, before anything is trained.
          StoreError, CheckpointError: the disk refused; what was finished is kept.
        """
        grid = self.study.configs()
        claims = self._checked_claims(grid)
        if self.part:
            return self._train_part(plan.share(grid, plan.mapping(self.options.pack), self.part))
        with Store(self.runs, self.name) as store:
            self._discard_old(store, grid)
            while True:
                outcome = engines.run(grid, store, self.options)
                rows = store.write_results([config.trial_id() for config in grid])
                # Made anew in every round: more seeds may lead to another choice.
                choices = self._choices(grid, rows)
                verdicts = judge(claims, tuned(choices), command=self.command)
                more = [] if outcome.stopped or outcome.failures else self._next_round(grid, verdicts)
                if not more:
                    break
                grid += more
            self._write(store, grid, rows, choices, verdicts)
            if not outcome.stopped:
                store.end_renewal(self._share)
                store.discard_checkpoints()
        return outcome

    def _train_part(self, grid: Sequence[Config]) -> engines.Outcome:
        with Store(self.runs, self.name, part=True) as store:
            self._discard_old(store, grid)
            outcome = engines.run(grid, store, self.options)
            if not outcome.stopped:
                store.end_renewal(self._share)
        if not outcome.stopped:
            _say(f"part {self.part} is through; when all are, the same command without --part writes the report")
        return outcome

    def _checked_claims(self, grid: Sequence[Config]) -> list[Claim]:
        """The claims in canonical spelling; what is wrong with one is said before anything is trained."""
        of_tasks = [final_metrics(config) for config in {(c.task, c.probe): c for c in grid}.values()]
        metrics = [name for name in of_tasks[0] if all(name in names for names in of_tasks)]
        ids = [claim.id for claim in self.claims]
        for claim in self.claims:
            if ids.count(claim.id) > 1:
                raise SpecError(f"claim id {claim.id!r} is used twice; every claim needs its own")
            if claim.metric not in metrics:
                raise SpecError(f"claim {claim.id!r}: {nearest(claim.metric, metrics, 'metric')}")
            if both := [name for name in claim.better if name in self.study.tune]:
                raise SpecError(f"claim {claim.id!r}: {both[0]} is tuned, so no arm is told apart by it; leave it out")
        return [claim.spelt(canonical_value) for claim in self.claims]

    def _choices(self, grid: Sequence[Config], rows: Sequence[dict]) -> list[Choice]:
        metric = f"validation_{learning(grid[0]).target}"
        return choose(rows, self.study.tried(), self.study.untuned(), metric)

    @property
    def _share(self) -> str:
        return "all" if self.part is None else f"{self.part.index}-of-{self.part.count}"

    def _discard_old(self, store: Store, grid: Sequence[Config]) -> None:
        if self.rerun == "all":
            done_with = store.renewed(self._share)
            ids = [config.trial_id() for config in grid]
            store.renew(self._share, [i for i in ids if i not in done_with and store.done(i) is not None])
            return
        for trial_id in self._to_renew(store, grid):
            store.discard(trial_id)

    def _to_renew(self, store: Store, grid: Sequence[Config]) -> list[str]:
        """Finished trials that are to be trained again; says so where others were made by other code or versions."""
        finished = [config.trial_id() for config in grid if store.done(config.trial_id()) is not None]
        if not finished:
            return []
        fingerprints = {name: self._load(name).fingerprint for name in {config.dataset for config in grid}}
        now = {config.trial_id(): origin(config, fingerprints[config.dataset]) for config in grid}
        before = {i: store.config(i)["provenance"] for i in finished}
        if self.options.engine.elsewhere:
            # What trains there is not known here, and it is not code or versions that may differ.
            now = {i: now[i] | {name: before[i].get(name) for name in ("device", "platform")} for i in finished}
        # Other data under the same name would be another experiment under the same id: never kept.
        other_data = [i for i in finished if before[i].get("data") != now[i]["data"]]
        if other_data:
            _say(f"{len(other_data)} stored trials were made on other data than is there now and are run again")
        pairs = {i: (of_any_count(before[i]), of_any_count(now[i])) for i in finished if i not in set(other_data)}
        changes = {i: differences(*pair) for i, pair in pairs.items()}
        changed = [i for i in changes if changes[i]]
        if changed and self.rerun == "missing":
            what = "; ".join(dict.fromkeys(text for i in changed for text in changes[i]))
            _say(f"{len(changed)} stored trials were made before a change ({what}); kept, --rerun=changed renews them")
            changed = []
        return other_data + changed

    def _next_round(self, grid: Sequence[Config], verdicts: Sequence[Verdict]) -> list[Config]:
        """More seeds for the arms of the claims that are still open."""
        open_claims = undecided(verdicts) if self.until_decided else []
        arms = dict.fromkeys(dataclasses.replace(config, seed=0) for config in grid)
        result = []
        for arm in arms:
            selectors = [selector for v in open_claims for selector in (v.claim.better, v.claim.worse)]
            if any(all(getattr(arm, k) == v for k, v in selector.items()) for selector in selectors):
                last = max(c.seed for c in grid if dataclasses.replace(c, seed=0) == arm)
                end = min(last + 1 + ROUND, self.study.first_seed + self.max_seeds)
                result += [dataclasses.replace(arm, seed=seed) for seed in range(last + 1, end)]
        if result:
            _say(f"{len(open_claims)} of {len(verdicts)} claims are open: {len(result)} more trials")
        return result

    def _write(
        self,
        store: Store,
        grid: Sequence[Config],
        rows: list[dict],
        choices: Sequence[Choice],
        verdicts: Sequence[Verdict],
    ) -> None:
        store.write_json("verdicts.json", [verdict.to_json() for verdict in verdicts])
        store.write_json("study.json", self._description(grid, rows))
        compared = tuned(choices)
        if not compared:
            return
        axes, metric = list(self.study.axes), learning(grid[0]).target
        print("\n" + arm_table(compared, axes, metric))
        if further := further_table(compared, axes, metric):
            print("\n" + further)
        if self.study.tune:
            print("\n" + tuning_table(choices, axes, metric, self.study.untuned()))
        if verdicts:
            print("\n" + verdict_table([verdict.to_json() for verdict in verdicts]))
        picture(store.folder)
        print(f"\nReport: {write(store.folder)}")

    def _description(self, grid: Sequence[Config], rows: Sequence[dict]) -> dict[str, Any]:
        """What study.json says: everything the report needs beyond the trials themselves."""
        question, cost = question_and_cost(self.about)
        names = sorted({config.dataset for config in grid})
        datasets = [self._load(name) for name in names]
        return {
            "name": self.name,
            "question": question,
            "about": self.about,
            "cost": cost,
            "base": dataclasses.asdict(grid[0]) | self.study.untuned(),
            "axes": {name: list(dict.fromkeys(getattr(c, name) for c in grid)) for name in self.study.axes},
            "tried": {name: list(values) for name, values in self.study.tried().items()},
            "seeds": sorted({config.seed for config in grid}),
            "metric": learning(grid[0]).target,
            "command": self.command,
            "published": [dataclasses.asdict(p) | {"arm": dict(p.arm)} for p in self._published()],
            "model_choice": "validation",
            "claims_on": "test",
            "dataset": _about_dataset(datasets[0]),
            "datasets": [_about_dataset(d) for d in datasets],
            "params": {row["model"]: row["parameters"] for row in rows},
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "seconds": round(sum(row["seconds"] for row in rows), 1),
            "provenance": provenance(),
        }

    def _load(self, dataset: str) -> Dataset:
        return load(dataset, self.options.data_dir)

    def _published(self) -> list[Published]:
        def spelt(arm):
            return {name: canonical_value(name, value) for name, value in arm.items()}

        return [dataclasses.replace(p, arm=spelt(p.arm)) for p in self.published]


def exit_code(outcome: engines.Outcome) -> int:
    """The exit code; says what happened."""
    for failure in outcome.failures:
        _say(failure)
    if outcome.stopped:
        _say("stopped; the same command goes on where this one was")
        return STOPPED
    return FAILED if outcome.failures else OK


def _about_dataset(dataset: Any) -> dict[str, Any]:
    sizes = {role: len(getattr(dataset, role).y) for role in ("train", "validation", "test")}
    about = {"name": dataset.name, "note": dataset.note, "fingerprint": dataset.fingerprint}
    return about | sizes | {"num_classes": dataset.num_classes}


def _say(text: str) -> None:
    print(text, file=sys.stderr)
