"""How the arms trained: learning curves, and what the probe saw layer by layer."""

from html import escape

from assay.report import markup, panels, quantities, store, traces


def sections(study: store.Study) -> list[str]:
    """The page's sections on training, without those that nothing was stored for."""
    arranged, entries = panels.arrange([arm for arm in study.arms if arm.rows], study.validation)
    shown = [arm for panel in arranged for arm in panel.arms]
    metrics = drawn_metrics(study)
    found = {arm.key: traces.read(study.folder, arm, metrics) for arm in shown}
    legend = panels.legend("line", entries)
    sections = []
    said = "Line: median over runs. Band: from the 10 % to the 90 % quantile of the runs."
    said += " A cross at the top marks the step at which a run diverged." * any(arm.diverged for arm in shown)
    said += _part(study, len(shown), sum(bool(arm.rows) for arm in study.arms))
    for metric in metrics:
        if curves := panels.curves(arranged, entries, found, metric):
            title = quantities.axis(metric).replace("train ", "training ").capitalize()
            sections.append(f"<h3>{escape(title)} (by step)</h3>{legend}{curves}")
            legend = legend.replace('id="', 'id="x').replace('href="#', 'href="#x').replace("url(#", "url(#x")
    missing = sum(trace.missing for trace in found.values())
    said += f" {missing} trials have no metrics.jsonl and are left out." if missing else ""
    made = (
        [markup.section("Learning curves", f'<p class="quiet">{escape(said)}</p>' + "".join(sections))]
        if sections
        else []
    )
    grid, drawn, probed = panels.probes(shown, found, study.validation)
    if grid:
        note = "Every layer at the first and at the last probe; medians over runs and bands as above."
        note += " Gradients: of the loss with respect to the layer’s pre-activation."
        note += _part(study, drawn, probed)
        legend = panels.legend("ends", ["at the end", "at initialisation"])
        made.append(markup.section("Layer by layer", f'<p class="quiet">{escape(note)}</p>{legend}{grid}'))
    return made


def drawn_metrics(study: store.Study) -> list[str]:
    """The study's metric and the task's further ones on the validation split, and the training loss."""
    others = [name.removeprefix("test_") for name in study.further if name.startswith("test_")]
    return [study.validation, "train_loss", *(f"validation_{name}" for name in others if name != "loss")]


def _part(study: store.Study, shown: int, finished: int) -> str:
    score = quantities.name(study.validation)
    return f" Shown: {shown} of {finished} arms, those with the lowest and the highest {score}." * (
        shown < finished
    )
