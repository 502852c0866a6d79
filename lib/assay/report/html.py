"""The report: one HTML file that opens from disk, holds its figures inside and asks nothing of any network."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
import shlex
from typing import Any

from assay.claims.published import Comparison, MARKS
from assay.report import quantities, store, tables, verdicts
from assay.report.arms import Arm
from assay.report.style import PAGE, STYLE

_EVIDENCE = (
    "Effect, interval and p (after Holm’s correction over the claims) decide. The rest is evidence at this "
    "number of seeds: BCa bootstrap interval, sign-flip permutation test after Holm, equivalence test (TOST), share of "
    "seeds at which the better arm is better, and the mean difference over its standard deviation, d. "
    "Means and effects are over paired seeds; points are percentage points."
)
_LISTED = 200  # divergences and published values written out in full


def write(study_dir: Path) -> Path:
    """Writes `<study_dir>/report.html` from what the study has stored; the same store gives the same bytes.

    A study that is unfinished, without verdicts or without probes yields a report that says so.

    Returns:
      The path of the report.

    Raises:
      ReportError: no study.json, or a damaged file.
    """
    study = store.read(Path(study_dir))
    from assay.report import drawing, figures, panels, traces  # matplotlib: only where a report is drawn

    with drawing.style():
        body = [_head(study), _section("Verdicts", verdicts.cards(study.verdicts)), _section("Data", _data(study.about))]
        body.append(_section("Arms", _arms(study)))
        if any(len(arm.values("test_error")) for arm in study.arms):
            body.append(f'<div class="pair">{_results(study, drawing, figures)}</div>')
        body += _training(study, panels, traces)
    body += [_section("Evidence behind the verdicts", _evidence(study)), _section("Divergences", _divergences(study))]
    body += [_section("Commands", _commands(study)), _section("Environment", _environment(study))]
    path = study.folder / "report.html"
    title = escape(str(study.about.get("question") or study.folder.name))
    path.write_text(PAGE.substitute(title=title, style=STYLE, body="\n".join(body)), encoding="utf-8")
    return path


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def _figure(title: str, drawn: str, caption: str) -> str:
    box = f'<div class="scroll">{drawn}</div>'
    return f"<figure><h3>{escape(title)}</h3>{box}<figcaption>{escape(caption)}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table in a box that scrolls by itself; the cells are HTML."""

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = (' class="number"' if i in numbers else "" for i in range(len(row)))
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def _facts(facts: Mapping[str, Any]) -> str:
    shown = ((key, value) for key, value in facts.items() if value not in (None, ""))
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in shown) + "</dl>"


def _head(study: store.Study) -> str:
    about, finished = study.about, len(study.rows)
    planned = len(study.arms) * len(about.get("seeds") or [])
    trials = f"{finished:,} trials finished" if finished >= planned else f"{finished:,} of {planned:,} trials finished"
    facts = [str(about.get("name") or study.folder.name), f"{len(study.arms):,} arms", trials, about.get("cost")]
    said = " · ".join(escape(str(fact)) for fact in facts if fact)
    return f"<h1>{escape(str(about.get('question') or study.folder.name))}</h1><p class=\"facts\">{said}</p>"


def _evidence(study: store.Study) -> str:
    head, rows = verdicts.evidence(study.verdicts or [])
    return f'<p class="quiet">{_EVIDENCE}</p>{_table(head, rows, range(1, len(head)))}' if rows else ""


def _data(about: Mapping[str, Any]) -> str:
    data = about.get("dataset") or {}

    def split(name: str) -> str:
        count = data.get(name)
        return f"the {name} split" + (f" ({count:,} examples)" if isinstance(count, int) else "")

    chosen, claimed = str(about.get("model_choice") or "validation"), str(about.get("claims_on") or "test")
    said = (
        f"Every run is fitted on {split('train')}. Choices between models are made on {split(chosen)}; "
        f"the claims above and the test errors below are measured on {split(claimed)}."
    )
    facts = {"Data set": data.get("name"), "Provenance": data.get("note"), "Classes": data.get("num_classes"),
             "Fingerprint": data.get("fingerprint")}
    return f"<p>{escape(said)}</p>{_facts(facts)}"


def _arms(study: store.Study) -> str:
    fields = study.fields or ["arm"]
    reached = any(quantities.finite(row.get("steps_to_target")) for row in study.rows)
    head = [escape(field) for field in fields] + ["n", "test error", "95&nbsp;% interval"]
    head += ["published"] * any(study.published) + ["train error", "diverged"] + ["steps to target"] * reached
    notes: list[str] = []
    rows = []
    for arm, published in zip(study.arms, study.published):
        test, train = arm.estimate("test_error"), arm.estimate("train_error")
        cells = [escape(str(value)) for value in arm.fields.values()] or [escape(arm.label)]
        cells += [str(test.n), _value("test_error", test.mean),
                  escape(verdicts.minus(quantities.interval("test_error", test.low, test.high))) or "–"]
        cells += ["".join(_published(entry, arm, notes) for entry in published)] * any(study.published)
        cells += [_value("train_error", train.mean), str(len(arm.diverged))]
        rows.append(cells + [escape(tables.target(arm))] * reached)
    last = len(head)
    said = (
        "Means over n runs, with the two-sided 95 % interval of Student’s t. A run that diverged answers nothing: "
        "its error counts as 100 %."
    )
    if reached:
        target = {row.get("target_error") for row in study.rows}
        level = f"{100 * target.pop():g} % or less" if len(target) == 1 else "its target"
        said += f" Steps to target: median number of steps to a training error of {level}, and how many runs reached it."
    listed = "".join(f"<li>{note}</li>" for note in notes)
    listed = f'<h3>Published values</h3><ol class="quiet">{listed}</ol>' if notes else ""
    return _table(head, rows, range(len(fields), last)) + f'<p class="quiet">{escape(said)}</p>' + listed


def _published(found: Comparison, arm: Arm, notes: list[str]) -> str:
    """One published value for the table's cell; source, protocol and our figure go to the notes below."""
    theirs = found.published
    small = f"<small>{escape(MARKS[theirs.mark])}</small>" if theirs.mark.startswith("M") else ""
    what = "" if theirs.metric == "test_error" else f"{escape(quantities.name(theirs.metric))} "
    protocol = ", ".join(f"{name} {value}" for name, value in theirs.protocol.items() if value != "")
    said = f"{arm.label}, {quantities.name(theirs.metric)}: {found.text}. {theirs.source}"
    said += f" (published with {protocol})." if protocol else "."
    notes.append(escape(verdicts.minus(said.replace("+-", "±"))))
    return f"<div>{what}{_value(theirs.metric, theirs.value)}&nbsp;<sup>{len(notes)}</sup>{small}</div>"


def _value(metric: str, number: float | None) -> str:
    shown = quantities.value(metric, number)
    return "–" if shown == quantities.MISSING else escape(verdicts.minus(shown)).replace(" ", "&nbsp;")


def _results(study: store.Study, drawing: Any, figures: Any) -> str:
    made = ""
    if figures.is_grid(study):
        drawn = drawing.inline(figures.heat_map(study), "heat", "Mean test error of every arm", natural=True)
        made = _figure(f"Test error by {' and '.join(study.fields)}", drawn, f"{figures.caption(study)} The darker, the larger.")
    said = "Dot and bar: mean test error and its 95 % t interval. Small dots: single runs."
    if any(each.published.metric == "test_error" for found in study.published for each in found):
        said += " Open diamonds: published values."
    if len(study.arms) > figures.LIMIT:
        said += f" Shown: the {figures.LIMIT} arms with the lowest and the highest means, of {len(study.arms)}."
    drawn = drawing.inline(figures.interval_plot(study), "intervals", "Test error of every arm with its interval")
    return made + _figure("Every run", drawn, said)


def _training(study: store.Study, panels: Any, traces: Any) -> list[str]:
    arranged, entries = panels.arrange([arm for arm in study.arms if arm.rows])
    shown = [arm for panel in arranged for arm in panel.arms]
    found = {arm.key: traces.read(study.folder, arm) for arm in shown}
    legend = panels.legend("line", entries)
    sections = []
    said = "Line: median over runs. Band: from the 10 % to the 90 % quantile of the runs."
    said += " A cross at the top marks the step at which a run diverged." * any(arm.diverged for arm in shown)
    said += _part(len(shown), sum(bool(arm.rows) for arm in study.arms))
    for metric, title in (("validation_error", "Validation error, % (by step)"), ("train_loss", "Training loss (by step)")):
        if curves := panels.curves(arranged, entries, found, metric):
            sections.append(f"<h3>{title}</h3>{legend}{curves}")
            legend = legend.replace('id="', 'id="x').replace('href="#', 'href="#x').replace("url(#", "url(#x")
    missing = sum(trace.missing for trace in found.values())
    said += f" {missing} trials have no metrics.jsonl and are left out." if missing else ""
    made = [_section("Learning curves", f'<p class="quiet">{escape(said)}</p>' + "".join(sections))] if sections else []
    grid, drawn, probed = panels.probes(shown, found)
    if grid:
        note = "Statistics of every layer at the first and at the last probe; medians over runs and bands as above."
        note += " Gradients: of the loss with respect to the layer’s pre-activation."
        note += _part(drawn, probed)
        legend = panels.legend("ends", ["at the end", "at initialisation"])
        made.append(_section("Layer by layer", f'<p class="quiet">{escape(note)}</p>{legend}{grid}'))
    return made


def _part(shown: int, finished: int) -> str:
    return f" Shown: {shown} of {finished} arms, those with the lowest and the highest validation error." * (shown < finished)


def _divergences(study: store.Study) -> str:
    lost = [(arm, row) for arm in study.arms for row in arm.diverged]
    if not lost:
        return "<p>No run diverged.</p>" if study.rows else ""
    rows = [[escape(arm.label), str(row.get("seed")), escape(quantities.value("step", row.get("diverged_at"))),
             f"<code>{escape(str(row['id']))}</code>"] for arm, row in lost[:_LISTED]]
    said = f"{len(lost):,} of {len(study.rows):,} runs diverged." + f" The first {_LISTED} are listed." * (len(lost) > _LISTED)
    return f"<p>{said}</p>" + _table(["arm", "seed", "at step", "trial"], rows, (1, 2))


def _commands(study: store.Study) -> str:
    wanted = {"The whole study": study.about.get("command")}
    for verdict in study.verdicts or []:
        if verdict.get("command") and verdict["command"] not in wanted.values():
            wanted[f"Claim {verdict.get('claim')}"] = verdict["command"]
    blocks = (
        f"<h3>{escape(name)}</h3><pre><code>{escape(_line(command))}</code></pre>"
        for name, command in wanted.items() if command
    )
    return "".join(blocks)


def _line(command: Any) -> str:
    return command if isinstance(command, str) else shlex.join(map(str, command))


def _environment(study: store.Study) -> str:
    about = study.about
    seeds = quantities.ranges([int(seed) for seed in about.get("seeds") or []])
    facts = {"seeds": seeds.replace("-", "–"), **(about.get("provenance") or {})}
    parameters = {f"parameters of {model}": f"{count:,}" for model, count in (about.get("params") or {}).items()}
    constant = store.constants(about, study.rows, study.fields)
    settled = "<h3>The same in every arm</h3>" + _facts(constant) if constant else ""
    return _facts(facts | parameters) + settled
