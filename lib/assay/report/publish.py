"""Puts a stored study into the documentation: its data, its picture and a page, none of it written by hand.

    .venv/bin/python -m assay.report.publish runs/init_activation docs/results
"""

import json
import pathlib
import shutil
import string
import sys
import textwrap

from assay.report import arm_table, findings, further_table, picture, quantities, store, tuning_table, verdict_table

DATA = ("study.json", "verdicts.json", "results.parquet")
ROOM = 600_000  # bytes that a page's pictures and texts take

PAGE = string.Template("""# $question

$data

![$question](picture.svg)

## Verdicts

```
$verdicts
```

## Arms

```
$arms
```
$further$tuning$outputs
$published
Produced by

```
$command
```

on $machine; commit $commit$dirty. $trials trials, $seconds s of training. Models are chosen on $model_choice, claims
made on $claims_on. [study.json](study.json), [verdicts.json](verdicts.json) and
[results.parquet](results.parquet) hold every figure.
""")


def publish(study_dir: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Copies a study's data to `folder/<name of study_dir>/` and writes its page README.md there.

    Pictures of its findings.npz that the page shows become PNG files in `findings/` beside it.

    Raises:
      ReportError: study_dir holds no complete study.
    """
    study = store.read(study_dir)
    target = folder / study_dir.name
    target.mkdir(parents=True, exist_ok=True)
    for name in DATA:
        shutil.copyfile(study_dir / name, target / name)
    shutil.copyfile(picture(study_dir), target / "picture.svg")
    page = target / "README.md"
    shown = findings.choose(study, ROOM)
    shutil.rmtree(target / "findings", ignore_errors=True)
    for name, exhibit in _pictures(shown):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(exhibit.content)
    page.write_text(_page(study, shown))
    return page


def studies(folder: pathlib.Path) -> str:
    """A table of the studies published in `folder`, their questions and data, as Markdown; links are relative to it."""
    lines = ["| study | question | data |", "|---|---|---|"]
    for path in sorted(folder.glob("*/study.json")):
        about = json.loads(path.read_text())
        data = ", ".join(dict.fromkeys(each["name"] for each in about.get("datasets", [about["dataset"]])))
        lines.append(f"| [{path.parent.name}]({path.parent.name}/README.md) | {about['question']} | {data} |")
    return "\n".join(lines)


def index(folder: pathlib.Path) -> str:
    """A table of every verdict of the studies published in `folder`, as Markdown; links are relative to it."""
    lines = ["| study | claim | verdict | effect [interval] | seeds |", "|---|---|---|---|---|"]
    for path in sorted(folder.glob("*/verdicts.json")):
        study = f"[{path.parent.name}]({path.parent.name}/README.md)"
        for verdict in json.loads(path.read_text()):
            outcome = f"**{verdict['verdict'] or 'not tested'}**"
            cells = [study, verdict["statement"], outcome, quantities.effect(verdict), str(verdict["n"])]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _pictures(shown: findings.Shown) -> list[tuple[str, findings.Exhibit]]:
    """The pictures with the names of their files."""
    pictures = [exhibit for exhibit in shown.exhibits if exhibit.grid is not None]
    return [(f"findings/{i:02}.png", exhibit) for i, exhibit in enumerate(pictures)]


def _outputs(shown: findings.Shown) -> str:
    """The page's section on what trained networks make, as Markdown."""
    if not shown.of:
        return ""
    parts = ["## Outputs of the trained networks", "Of every arm, the run with the lowest seed."]
    if left_out := shown.of - shown.arms:
        parts[-1] += f" {left_out} arms between the best and the worst are left out."
    if shown.left_out:
        parts[-1] += f" {shown.left_out} more are too large for this page."
    for name, exhibit in _pictures(shown):
        parts += [_caption(exhibit), f"![{_plain(exhibit.spoken)}]({name})"]
    for exhibit in shown.exhibits:
        if exhibit.grid is None:
            parts += [_caption(exhibit), textwrap.indent(exhibit.text, "    ")]
    return "\n\n".join(["", *parts, ""])


def _caption(exhibit: findings.Exhibit) -> str:
    return f"{exhibit.title}: {exhibit.arm.label}, seed {exhibit.seed}"


def _plain(text: str) -> str:
    """Text that closes no Markdown image's brackets."""
    return text.replace("[", "(").replace("]", ")")


def _tuning(study: store.Study) -> str:
    if not study.choices:
        return ""
    base = {name: study.about["base"][name] for name in study.about["tried"]}
    table = tuning_table(study.choices, study.fields, study.metric, base, unicode=True)
    return f"\n## Tuning\n\n```\n{table}\n```\n"


def _page(study: store.Study, shown: findings.Shown) -> str:
    about, where = study.about, study.about["provenance"]
    dataset = about["dataset"]
    sizes = ", ".join(f"{dataset[role]:,} {role}" for role in ("train", "validation", "test"))
    comparisons = [f"- {arm.label}: {c.text}" for arm, found in zip(study.arms, study.published) for c in found]
    further = further_table(study.rows, study.fields, study.metric, unicode=True)
    return PAGE.substitute(
        question=about["question"],
        data=f"Data: {dataset['name']}, {dataset['note']} ({sizes}).",
        verdicts=verdict_table(study.verdicts or [], unicode=True).strip(),
        arms=arm_table(study.rows, study.fields, study.metric, unicode=True).strip(),
        further=f"\n```\n{further}\n```\n" if further else "",
        tuning=_tuning(study),
        outputs=_outputs(shown),
        published="\n".join(["## Beside published figures", "", *comparisons, ""]) if comparisons else "",
        command=about["command"],
        machine=f"{where['platform']}, {where['device']}, {where['cores']} cores, Python {where['python']}, JAX {where['jax']}",
        commit=(where["commit"] or "unknown")[:12],
        dirty=" with uncommitted changes" if where["dirty"] else "",
        trials=len(study.finished),
        seconds=round(sum(row["seconds"] for row in study.finished)),
        model_choice=about["model_choice"],
        claims_on=about["claims_on"],
    )


if __name__ == "__main__":
    for path in sys.argv[1:-1]:
        print(publish(pathlib.Path(path), pathlib.Path(sys.argv[-1])))
    folder = pathlib.Path(sys.argv[-1])
    text = f"# Stored studies\n\n{studies(folder)}\n\n## Their verdicts\n\n{index(folder)}\n"
    (folder / "README.md").write_text(text)
