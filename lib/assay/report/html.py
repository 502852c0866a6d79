"""The report: one HTML file that opens from disk, holds its figures inside and needs no network."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
import shlex
from typing import Any

from assay.report import markup, outputs, quantities, store, verdicts
from assay.report.style import PAGE, STYLE

_EVIDENCE = (
    "Effect, interval and p (after Holm’s correction over the claims) decide. The rest is evidence at this "
    "number of seeds: BCa bootstrap interval, sign-flip permutation test after Holm, equivalence test "
    "(TOST), share of seeds at which the better arm is better, and the mean difference over its standard "
    "deviation, d. Means and effects are over paired seeds"
)
_LISTED = 200  # divergences written out in full


def write(study_dir: Path) -> Path:
    """Writes `<study_dir>/report.html` from what the study has stored; the same store gives the same bytes.

    A study that is unfinished, without verdicts or without probes yields a report that says so.

    Returns:
      The path of the report.

    Raises:
      ReportError: no study.json, or a damaged file.
    """
    study = store.read(Path(study_dir))
    from assay.report import drawing, results, training, tuning  # matplotlib: only where a report is drawn

    with drawing.style():
        body = [
            _head(study),
            markup.section("Verdicts", verdicts.cards(study.verdicts)),
            markup.section("Data", _data(study.about, study.test)),
        ]
        body.append(markup.section("Arms", results.table(study)))
        if any(len(arm.values(study.test)) for arm in study.arms):
            body.append(f'<div class="pair">{results.plots(study)}</div>')
        body.append(markup.section("Tuning", tuning.section(study)))
        body.append(markup.section("Further measurements", results.further(study)))
        body.append(outputs.section(study))
        body += training.sections(study)
    body += [
        markup.section("Evidence behind the verdicts", _evidence(study)),
        markup.section("Divergences", _divergences(study)),
    ]
    body += [markup.section("Commands", _commands(study)), markup.section("Environment", _environment(study))]
    path = study.folder / "report.html"
    title = escape(str(study.about.get("question") or study.folder.name))
    path.write_text(PAGE.substitute(title=title, style=STYLE, body="\n".join(body)), encoding="utf-8")
    return path


def _head(study: store.Study) -> str:
    about, waiting = study.about, sum(not arm.rows for arm in study.arms)
    facts = [
        str(about.get("name") or study.folder.name),
        f"{len(study.arms):,} arms",
        f"{len(study.finished):,} trials finished",
    ]
    facts += [f"{waiting:,} arms not yet run" if waiting else "", about.get("cost")]
    said = " · ".join(escape(str(fact)) for fact in facts if fact)
    return f'<h1>{escape(str(about.get("question") or study.folder.name))}</h1><p class="facts">{said}</p>'


def _evidence(study: store.Study) -> str:
    head, rows = verdicts.evidence(study.verdicts or [])
    metrics = [study.test, *(str(verdict.get("metric")) for verdict in study.verdicts or [])]
    said = _EVIDENCE + "; points are percentage points" * any(map(quantities.is_error, metrics))
    return f'<p class="quiet">{said}.</p>{markup.table(head, rows, range(1, len(head)))}' if rows else ""


def _data(about: Mapping[str, Any], metric: str) -> str:
    sets = [each for each in about.get("datasets") or [about.get("dataset")] if each]

    def split(name: str) -> str:
        counts = [each.get(name) for each in sets]
        size = f" ({counts[0]:,} examples)" if len(counts) == 1 and isinstance(counts[0], int) else ""
        return f"the {name} split{size}"

    chosen, claimed = str(about.get("model_choice") or "validation"), str(about.get("claims_on") or "test")
    what = "test errors" if quantities.is_error(metric) else "test figures"
    said = (
        f"Every run is fitted on {split('train')}. Choices between models are made on {split(chosen)}; "
        f"the claims above and the {what} below are measured on {split(claimed)}."
    )
    shown = ""
    for each in sets:
        sizes = ", ".join(
            f"{name} {each[name]:,}"
            for name in ("train", "validation", "test")
            if isinstance(each.get(name), int)
        )
        facts = {"Data set": each.get("name"), "Provenance": each.get("note"), "Examples": sizes}
        facts |= {"Classes": each.get("num_classes"), "Fingerprint": each.get("fingerprint")}
        shown += f"<div>{markup.facts(facts)}</div>"
    return f'<p>{escape(said)}</p><div class="sets">{shown}</div>'


def _divergences(study: store.Study) -> str:
    lost = [(arm, row) for arm in study.arms for row in arm.diverged]
    shown = "runs at the chosen values" if study.choices else "runs"
    if not lost:
        return f"<p>No run{shown.removeprefix('runs')} diverged.</p>" if study.rows else ""
    rows = [
        [
            escape(arm.label),
            str(row.get("seed")),
            escape(quantities.value("step", row.get("diverged_at"))),
            f"<code>{escape(str(row['id']))}</code>",
        ]
        for arm, row in lost[:_LISTED]
    ]
    said = f"{len(lost):,} of {len(study.rows):,} {shown} diverged." + f" The first {_LISTED} are listed." * (
        len(lost) > _LISTED
    )
    return f"<p>{said}</p>" + markup.table(["arm", "seed", "at step", "trial"], rows, (1, 2))


def _commands(study: store.Study) -> str:
    wanted = {"The whole study": study.about.get("command")}
    for verdict in study.verdicts or []:
        if verdict.get("command") and verdict["command"] not in wanted.values():
            wanted[f"Claim {verdict.get('claim')}"] = verdict["command"]
    blocks = (
        f"<h3>{escape(name)}</h3><pre><code>{escape(_line(command))}</code></pre>"
        for name, command in wanted.items()
        if command
    )
    return "".join(blocks)


def _line(command: Any) -> str:
    return command if isinstance(command, str) else shlex.join(map(str, command))


def _environment(study: store.Study) -> str:
    about = study.about
    seeds = quantities.ranges([int(seed) for seed in about.get("seeds") or []])
    facts = {"seeds": seeds.replace("-", "–"), **(about.get("provenance") or {})}
    parameters = {
        f"parameters of {model}": f"{count:,}" for model, count in (about.get("params") or {}).items()
    }
    constant = store.constants(about, study.rows, study.fields)
    settled = "<h3>The same in every arm</h3>" + markup.facts(constant) if constant else ""
    return markup.facts(facts | parameters) + settled
