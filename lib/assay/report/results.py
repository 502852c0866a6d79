"""The results of the arms: their table, the published values beside them, and their figures."""

from html import escape

from assay.claims.published import Comparison, MARKS
from assay.report import drawing, figures, heat_map, markup, quantities, store, tables, verdicts
from assay.report.arms import Arm


def table(study: store.Study) -> str:
    fields = study.fields or ["arm"]
    reached = any(quantities.finite(row.get("steps_to_target")) for row in study.rows)
    head = [escape(field) for field in fields] + ["n", quantities.name(study.test), "95&nbsp;% interval"]
    head += ["published"] * any(study.published) + [quantities.name(study.train), "diverged"]
    head += ["steps to target"] * reached
    notes: list[str] = []
    rows = []
    for arm, published in zip(study.arms, study.published):
        test, train = arm.estimate(study.test), arm.estimate(study.train)
        cells = [escape(str(value)) for value in arm.fields.values()] or [escape(arm.label)]
        cells += [
            str(test.n),
            _value(study.test, test.mean),
            escape(verdicts.minus(quantities.interval(study.test, test.low, test.high))) or "–",
        ]
        if any(study.published):
            cells.append("".join(_published(entry, arm, study.test, notes) for entry in published))
        cells += [_value(study.train, train.mean), str(len(arm.diverged))]
        rows.append(cells + [escape(tables.target(arm))] * reached)
    last = len(head)
    said = "Means over n runs, with the two-sided 95 % interval of Student’s t. A run that diverged "
    error = quantities.is_error(study.test)
    said += "answers nothing: its error counts as 100 %." if error else "has no value and is left out."
    if reached:
        target = {row.get("target_error") for row in study.rows}
        level = f"{_level(study.metric, target.pop())} or less" if len(target) == 1 else "its target"
        said += f" Steps to target: median number of steps to a training {quantities.name(study.metric)} of "
        said += f"{level}, and how many runs reached it."
    listed = "".join(f"<li>{note}</li>" for note in notes)
    listed = f'<h3>Published values</h3><ol class="quiet">{listed}</ol>' if notes else ""
    return (
        markup.table(head, rows, range(len(fields), last)) + f'<p class="quiet">{escape(said)}</p>' + listed
    )


def further(study: store.Study) -> str:
    """The other final metrics, arm by arm; empty where the task has none."""
    names = study.further
    if not names:
        return ""
    fields = study.fields or ["arm"]
    rows = []
    for arm in study.arms:
        cells = [escape(str(value)) for value in arm.fields.values()] or [escape(arm.label)]
        rows.append(cells + [_estimate(name, arm) for name in names])
    head = [escape(text) for text in (*fields, *map(quantities.name, names))]
    said = "Means over the runs that have a value, with the two-sided 95 % interval of Student’s t below."
    if any(arm.diverged for arm in study.arms):
        worst = ", or an error of 100 %" * any(map(quantities.is_error, names))
        said += f" A run that diverged has none{worst}."
    table = markup.table(head, rows, range(len(fields), len(head)))
    return table + f'<p class="quiet">{escape(said)}</p>'


def _estimate(metric: str, arm: Arm) -> str:
    found = arm.estimate(metric)
    interval = verdicts.minus(quantities.interval(metric, found.low, found.high))
    below = f'<small class="number">{escape(interval)}</small>' if interval else ""
    return _value(metric, found.mean) + below


def _level(metric: str, target: float) -> str:
    return f"{100 * target:g} %" if quantities.is_error(metric) else f"{target:g}"


def _published(found: Comparison, arm: Arm, metric: str, notes: list[str]) -> str:
    """One published value for the table's cell; source, protocol and our figure go to the notes below."""
    theirs = found.published
    small = f"<small>{escape(MARKS[theirs.mark])}</small>" if theirs.mark.startswith("M") else ""
    what = "" if theirs.metric == metric else f"{escape(quantities.name(theirs.metric))} "
    protocol = ", ".join(f"{name} {value}" for name, value in theirs.protocol.items() if value != "")
    said = f"{arm.label}, {quantities.name(theirs.metric)}: {found.text}. {theirs.source}"
    said += f" (published with {protocol})." if protocol else "."
    notes.append(escape(verdicts.minus(said.replace("+-", "±"))))
    return f"<div>{what}{_value(theirs.metric, theirs.value)}&nbsp;<sup>{len(notes)}</sup>{small}</div>"


def _value(metric: str, number: float | None) -> str:
    shown = quantities.value(metric, number)
    return "–" if shown == quantities.MISSING else escape(verdicts.minus(shown)).replace(" ", "&nbsp;")


def plots(study: store.Study) -> str:
    made, name = "", quantities.name(study.test)
    if heat_map.is_grid(study):
        heat = heat_map.draw(study)
        drawn = drawing.inline(heat, "heat", f"Mean {name} of every arm", natural=True)
        title, said = (
            f"{name.capitalize()} by {' and '.join(study.fields)}",
            f"{figures.caption(study)} The darker, the larger.",
        )
        made = markup.figure(title, drawn, said, round(heat.get_figwidth() * 72))
    said = f"Dot and bar: mean {name} and its 95 % t interval. Small dots: single runs."
    if any(each.published.metric == study.test for found in study.published for each in found):
        said += " Open diamonds: published values."
    if len(study.arms) > figures.LIMIT:
        said += (
            f" Shown: the {figures.LIMIT} arms with the lowest and the highest means, of {len(study.arms)}."
        )
    spoken = f"{name.capitalize()} of every arm with its interval"
    drawn = drawing.inline(figures.interval_plot(study), "intervals", spoken)
    return made + markup.figure("Every run", drawn, said)
