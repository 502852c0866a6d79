"""Published figures: the file against figures typed here once more, bad files, and what experiments make of it."""

import importlib
import pathlib

import pytest

from assay.claims import compare, Published, references
from assay.claims.published import MARKS
from assay.spec import SpecError

EXPERIMENTS = sorted((pathlib.Path(__file__).parents[2] / "experiments").glob("[!_]*.py"))
HEADER = "key,paper,place,what,dataset,metric,value,spread,protocol,mark"
ROW = "a2010-mnist,A 2010,table 1,MLP,mnist,test_error,0.02,,width=30; loss=squared_error,Mh"


@pytest.fixture(scope="module")
def known():
    return references.read()


def percent(reference):
    return round(100 * reference.value, 4)


def test_every_row_is_well_formed(known):
    assert len(known) > 300
    assert {each.mark for each in known.values()} == set(MARKS)
    assert len({(each.source, each.dataset, each.metric) for each in known.values()}) == len(known)


# Per cent, in the order of the table's columns.
GLOROT = {
    "softsign": (16.27, 1.64, 55.78, 69.14),
    "softsign-n": (16.06, 1.72, 53.8, 68.13),
    "tanh": (27.15, 1.76, 55.9, 70.58),
    "tanh-n": (15.60, 1.64, 52.92, 68.57),
    "sigmoid": (82.61, 2.21, 57.28, 70.66),
}


def test_glorot_and_bengio_table_1(known):
    for method, errors in GLOROT.items():
        rows = [known[f"glorot2010-table1-{d}-{method}"] for d in ("shapeset", "mnist", "cifar10", "imagenet")]
        assert tuple(map(percent, rows)) == errors
        assert {(row.metric, row.mark, row.protocol["width"]) for row in rows} == {("test_error", "Mh", 1000)}
    assert sum(key.startswith("glorot2010-table1") for key in known) == 20


def test_residual_networks_on_cifar10(known):
    errors = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    rows = {depth: known[f"he2016-table6-cifar10-resnet{depth}"] for depth in errors}
    assert {depth: percent(row) for depth, row in rows.items()} == errors
    assert {(row.mark, row.protocol["augment"], row.protocol["width"]) for row in rows.values()} == {
        ("V2", "crop_flip", 16)
    }
    assert all(row.protocol["depth"] == depth for depth, row in rows.items())
    counts = [known[f"he2016-cifar10-resnet{depth}-parameters"].value for depth in (20, 32, 44, 56)]
    assert counts == [269_722, 464_154, 658_586, 853_018]


@pytest.mark.parametrize(
    "keys, expected",
    [
        ("springenberg2015-cifar10-{}: model-a model-c strided-c convpool-c all-cnn-c", "12.47 9.74 10.19 9.31 9.08"),
        ("lecun1998-fig9-mnist-{}: linear 784-300-10 784-1000-10 784-300-100-10 784-500-150-10 lenet1 lenet4 lenet5",
         "12.0 4.7 4.5 3.05 2.95 1.7 1.1 .95"),
        ("hinton2006-table1-mnist-{}: dbn svm 784-500-300-10 784-800-10 784-500-150-10", "1.25 1.4 1.51 1.53 2.95"),
        ("vgg-table3-imagenet-{}-top1: a b c d e", "29.6 28.7 28.1 27.0 27.3"),
        ("vgg-table3-imagenet-{}-top5: a b c d e", "10.4 9.9 9.4 8.8 9.0"),
        ("srivastava2014-mnist-{}: standard dropout dropout-max-norm dropout-8192", "1.60 1.25 1.06 .95"),
        ("he2015-table6-imagenet-{}: relu-256-top1 relu-384-top5 prelu-480-top1 prelu-multi-top5",
         "26.25 7.26 24.83 6.28"),
    ],
)  # fmt: skip
def test_errors_in_per_cent(known, keys, expected):
    form, names = keys.split(": ")
    assert [percent(known[form.format(name)]) for name in names.split()] == [float(x) for x in expected.split()]


def test_accuracies_are_errors_here(known):
    accuracy = {"natural": 98.8, "fgsm": 95.6, "pgd40": 93.2, "pgd100": 91.8, "pgd40-restarts": 90.4}
    for name, value in accuracy.items():
        assert percent(known[f"madry2018-mnist-{name}"]) == round(100 - value, 4)
    assert known["madry2018-mnist-natural"].metric == "test_error"
    assert known["robustbench-cifar10-standard-robust"].value == 1.0


def test_figures_in_other_units(known):
    for name, an_image in (("autoencoder", 3.00), ("logistic-pca", 8.01), ("pca", 13.87)):
        row = known[f"hinton2006science-fig2-mnist-{name}"]
        assert (row.metric, row.value * 28 * 28) == ("test_mse", pytest.approx(an_image, rel=1e-12))
    table = {"dbn": ("138", "2"), "cae": ("121", "1.6"), "gsn": ("214", "1.1"), "gan": ("225", "2")}
    for name, (nats, spread) in table.items():
        row = known[f"goodfellow2014-table1-mnist-{name}"]
        assert (f"{row.value:g}", row.spread, row.metric) == (nats, spread, "log_likelihood")
    assert known["goodfellow2014-table1-mnist-gan"].source == "Goodfellow et al. 2014, table 1: GAN, +- 2"
    assert known["hinton2006-table1-mnist-dbn"].protocol["widths"] == (500, 500, 2000)


@pytest.mark.parametrize(
    "lines, message",
    [
        ([HEADER.replace("mark", "marks"), ROW], "columns must be key,paper"),
        ([], "columns must be key,paper"),
        ([HEADER, ROW, ROW], "line 3: the key 'a2010-mnist' occurs twice"),
        ([HEADER, ROW + ",x"], "10 cells, not 11"),
        ([HEADER, ROW.replace("a2010-mnist", "A2010 mnist")], "lower-case words"),
        ([HEADER, ROW.replace("A 2010", "")], "has no paper"),
        ([HEADER, ROW.replace("MLP", "")], "has no what"),
        ([HEADER, ROW.replace("test_error", "test error")], "a metric is a name"),
        ([HEADER, ROW.replace("Mh", "V3")], "line 2: unknown mark 'V3'"),
        ([HEADER, ROW.replace("0.02", "2 %")], "finite number, not '2 %'"),
        ([HEADER, ROW.replace("0.02", "nan")], "finite number"),
        ([HEADER, ROW.replace("0.02", "2.0")], "fraction 0..1"),
        ([HEADER, ROW.replace("width=30", "width")], "name=value"),
        ([HEADER, ROW.replace("width=30", "loss=cross_entropy")], "every name once"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, lines, message):
    path = tmp_path / "figures.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(SpecError, match=message) as caught:
        references.read(path)
    assert "\n" not in str(caught.value) and "figures.csv" in str(caught.value)


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "figures.csv"
    path.write_text(f"{HEADER}\n{ROW}\n")
    (found,) = references.read(path).values()
    assert (found.source, found.value) == ("A 2010, table 1: MLP", 0.02)
    assert found.protocol == {"width": 30, "loss": "squared_error"}


ARM = {"dataset": "mnist", "activation": "tanh"}


def test_a_reference_is_compared_with_its_protocol(rows):
    figure = references.published("glorot2010-table1-mnist-tanh-n", ARM)
    assert (figure.value, figure.metric, figure.mark) == (0.0164, "test_error", "Mh")
    ours = ARM | {"model": "mlp(depth=5,width=200)", "optimizer": "sgd", "batch_size": 10}
    text = compare(figure, rows([ours], 3)).text
    assert "published 1.64 % (reported, unverified): protocol differs in width, lr" in text


@pytest.mark.parametrize(
    "key, arm, metric, message",
    [
        ("glorot2010-table1-mnist-tanhn", ARM, "", "nearest of references.csv are glorot2010-table1-mnist-tanh"),
        ("glorot2010-table1-cifar10-tanh", ARM, "", "is about 'cifar10', not 'mnist'"),
        ("glorot2010-table1-mnist-tanh", {"activation": "tanh"}, "", "is about 'mnist', not None"),
        ("moments-tanh-gain", ARM, "", "about no data set"),
        ("glorot2010-table1-mnist-tanh", ARM, "test_loss", "test_loss is not comparable"),
        ("glorot2010-table1-mnist-tanh", ARM | {"activatoin": "tanh"}, "", "did you mean 'activation'"),
    ],
)
def test_a_comparison_that_says_too_much_is_refused(key, arm, metric, message):
    with pytest.raises(ValueError, match=message):
        references.published(key, arm, metric)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_figures_of_experiments_are_of_the_file(known, path):
    def told(figure, dataset):
        return figure.source, dataset, figure.value, figure.mark, sorted(figure.protocol.items(), key=str)

    figures = [told(each, each.dataset) for each in known.values()]
    for figure in getattr(importlib.import_module(f"experiments.{path.stem}"), "PUBLISHED", ()):
        assert isinstance(figure, Published) and told(figure, figure.arm["dataset"]) in figures
