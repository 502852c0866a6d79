"""Specs: text in, the same text out; one meaning has one spelling; nothing is ever evaluated."""

import itertools
import keyword
import textwrap

from hypothesis import example, given, settings, strategies as st
import pytest

from assay import spec as specs
from assay.spec import build, canonical, canonical_text, nearest, parse, Spec, SpecError, split


def swishy(beta: float = 1.0, pieces: int = 2, soft: bool = False, mode: str = "a", shape: tuple = (1, 2)):
    if beta < 0:
        raise ValueError("beta must be at least 0\nsecond line")
    return beta, pieces, soft, mode, shape


def needy(std: float):
    return std


def either(gain: float | str = 1.0, count: int | None = None):
    return gain, count


def free(anything=None, **more):
    return anything, more


REGISTRY = {"swishy": swishy, "needy": needy, "either": either, "free": free, "tanh": lambda: "tanh"}

# Words of the language are no argument names.
_names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.text(alphabet="'\"\\,()[]{}=: \n\t#", max_size=12),
)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)
_specs = st.builds(
    lambda name, kwargs: Spec(name, tuple(sorted(kwargs.items()))),
    _names
    | st.builds(
        lambda path, leaf: f"{'.'.join(path)}:{leaf}", st.lists(_names, min_size=1, max_size=3), _names
    ),
    st.dictionaries(_names, _values, max_size=4),
)


@settings(deadline=None, max_examples=200)
@given(_specs)
@example(Spec("a", (("x", ((), (1,), -0.0, 1e-300, True)),)))
@example(Spec("a", (("x", 'it\'s "a", (b]\\'),)))
def test_text_reads_back_as_the_same_spec(spec):
    # repr tells 1 from 1.0 and True, which == does not.
    assert repr(parse(str(spec))) == repr(spec)


@settings(deadline=None, max_examples=100)
@given(st.lists(_specs, min_size=1, max_size=4))
@example([Spec("a", (("x", "\\"),)), Spec("b")])
def test_split_undoes_a_join_by_commas(items):
    texts = [str(spec) for spec in items]
    assert split(",".join(texts)) == texts
    assert split(" , ".join(texts)) == texts


@pytest.mark.parametrize(
    "text, items",
    [
        ("tanh", ["tanh"]),
        ("tanh,elu(alpha=0.5)", ["tanh", "elu(alpha=0.5)"]),
        ("mlp(depth=2,width=3),lenet", ["mlp(depth=2,width=3)", "lenet"]),
        ("a(x=(1,(2,3))),b(y=[1,2])", ["a(x=(1,(2,3)))", "b(y=[1,2])"]),
        ("a(x='b,c'),d", ["a(x='b,c')", "d"]),
        ("a(x=')'),b", ["a(x=')')", "b"]),
        ('a(x="\'"),b', ['a(x="\'")', "b"]),
        (r"a(x='it\'s,'),b", [r"a(x='it\'s,')", "b"]),
        (r"a(x='\\'),b", [r"a(x='\\')", "b"]),
        ("(0,-1),(5,)", ["(0,-1)", "(5,)"]),
        ("0.1,1e-3", ["0.1", "1e-3"]),
    ],
)
def test_split_at_top_level_only(text, items):
    assert split(text) == items


@pytest.mark.parametrize("text", ["", ",", "a,", ",a", "a,,b", "a,(b", "a)b(", "a]", "a(x='b", r"a(x='b\')"])
def test_split_refuses(text):
    with pytest.raises(SpecError) as error:
        split(text)
    _one_line(error)


@pytest.mark.parametrize(
    "text, name, kwargs",
    [
        ("relu", "relu", {}),
        ("  relu( )  ", "relu", {}),
        ("elu(alpha=-1e-3)", "elu", {"alpha": -0.001}),
        ("f(b=2, a=[1,(2,)],)", "f", {"a": (1, (2,)), "b": 2}),
        ("f(x=None,y=True)", "f", {"x": None, "y": True}),
        ("f(x=0x10,y=1_000)", "f", {"x": 16, "y": 1000}),
        ("my_pkg.acts:swishy(beta=2)", "my_pkg.acts:swishy", {"beta": 2}),
    ],
)
def test_parse(text, name, kwargs):
    spec = parse(text)
    assert (spec.name, dict(spec.kwargs)) == (name, kwargs)


HOSTILE = [
    "",
    "(x=1)",
    "3",
    "a.b",
    "a:b:c",
    "a:",
    ":a",
    "a b",
    "f(1)",
    "f(*a)",
    "f(**k)",
    "f((x=1))",
    "f(x=1)(y=2)",
    "f(x=1).y",
    "f(x=1)[0]",
    "f[x=1]",
    "f(x=1);",
    "f(x:=1)",
    "f(x==1)",
    "f(x=1,x=2)",
    "f(x=1",
    "f(x=1))",
    "f(x=y)",
    "f(x=inf)",
    "f(x=nan)",
    "f(x=1e999)",
    "f(x=(0,-1e999))",
    "f(x=1+2j)",
    "f(x=2j)",
    "f(x=...)",
    "f(x=b'a')",
    "f(x={1:2})",
    "f(x={1})",
    "f(x=10**400)",
    "f(x=f'{1}')",
    "f(x=lambda: 1)",
    "f(x=[i for i in (1,)])",
    "f(x=1 if 1 else 2)",
    "f(x=__import__('os').getcwd())",
    "f(x=-'a')",
    "f(x='a\nb')",
    "f(x=1\0)",
    "f(x='\0')",
    "f(x=" + "(" * 50_000 + ")" * 50_000 + ")",
    "f(x=" + "-" * 50_000 + "1)",
    "f(x=" + "1+" * 50_000 + "1)",
    "f(x=" + "9" * 10_000 + ")",
    "f(x=" + "y" * 1_000_000 + ")",
    "$" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
def test_what_cannot_be_read_is_one_line(text):
    with pytest.raises(SpecError) as error:
        canonical({"f": free}, text, "thing")
    _one_line(error)


def test_nothing_is_evaluated(tmp_path):
    target = tmp_path / "written"
    for code in (f"__import__('pathlib').Path({str(target)!r}).touch()", f"open({str(target)!r}, 'w')"):
        for text in (
            f"f(x={code})",
            f"f(x=[{code}])",
            f"f(x=f'{{{code}}}')",
            f"f({code})",
            f"f(x={{1: {code}}})",
        ):
            with pytest.raises(SpecError):
                build({"f": free}, text, "thing")
    assert not target.exists()


def test_defaults_are_dropped_and_numbers_normalised():
    spellings = {
        "swishy": [
            "swishy()",
            "swishy(beta=1)",
            "swishy(pieces=2,beta=1.0)",
            "swishy(shape=[1,2],soft=False)",
        ],
        "swishy(beta=2.0)": ["swishy(beta=2)", "swishy( beta = 2e0 )", "swishy(beta=2.00,mode='a')"],
        "swishy(beta=0.0)": ["swishy(beta=0)", "swishy(beta=-0.0)"],
        "swishy(mode='b',soft=True)": ['swishy(soft=True,mode="b")', "swishy(mode='b',soft=True,beta=1)"],
        "either(gain=2.0)": ["either(gain=2)", "either(gain=2.0,count=None)"],
        "either(gain='relu')": ["either(gain='relu')"],
        "free(a=1,b=2)": ["free(b=2,a=1)"],
    }
    for wanted, texts in spellings.items():
        assert {canonical_text(REGISTRY, text, "activation") for text in texts} == {wanted}


def test_order_of_arguments_is_irrelevant():
    parts = ["beta=3", "pieces=4", "soft=True", "shape=(3,)"]
    texts = {
        canonical_text(REGISTRY, f"swishy({','.join(p)})", "activation")
        for p in itertools.permutations(parts)
    }
    assert texts == {"swishy(beta=3.0,pieces=4,shape=(3,),soft=True)"}


@settings(deadline=None, max_examples=50)
@given(
    beta=st.floats(0, 1e6) | st.integers(0, 10**6),
    pieces=st.integers(-5, 5),
    soft=st.booleans(),
    mode=st.text(max_size=5),
)
def test_canonical_is_idempotent_and_builds_the_same(beta, pieces, soft, mode):
    text = str(Spec("swishy", tuple(sorted(dict(beta=beta, pieces=pieces, soft=soft, mode=mode).items()))))
    spelt = canonical_text(REGISTRY, text, "activation")
    assert canonical_text(REGISTRY, spelt, "activation") == spelt
    assert build(REGISTRY, spelt, "activation") == (beta, pieces, soft, mode, (1, 2))


@pytest.mark.parametrize(
    "text, line",
    [
        (
            "tahn",
            "unknown activation 'tahn'; did you mean 'tanh'? (known: either, free, needy, swishy, tanh)",
        ),
        ("zzz", "unknown activation 'zzz' (known: either, free, needy, swishy, tanh)"),
        (
            "swishy(bta=1)",
            "activation swishy: unknown argument 'bta'; did you mean 'beta'? (known: beta, mode, pieces, shape, soft)",
        ),
        ("tanh(x=1)", "activation tanh: unknown argument 'x' (known: none)"),
        ("needy", "activation needy: argument std is missing; write needy(std=...)"),
        ("swishy(beta='x')", "activation swishy: argument beta must be of type float, not 'x'"),
        ("swishy(beta=True)", "activation swishy: argument beta must be of type float, not True"),
        ("swishy(pieces=2.0)", "activation swishy: argument pieces must be of type int, not 2.0"),
        ("swishy(pieces=True)", "activation swishy: argument pieces must be of type int, not True"),
        ("swishy(soft=1)", "activation swishy: argument soft must be of type bool, not 1"),
        ("swishy(mode=1)", "activation swishy: argument mode must be of type str, not 1"),
        ("swishy(shape=1)", "activation swishy: argument shape must be of type tuple, not 1"),
        ("swishy(beta=" + "9" * 400 + ")", "activation swishy: argument beta is too large"),
        ("either(gain=None)", "activation either: argument gain must be of type float or str, not None"),
        ("either(count=1.5)", "activation either: argument count must be of type int or NoneType, not 1.5"),
        ("swishy(beta=-1)", "activation swishy(beta=-1.0): beta must be at least 0"),
    ],
)
def test_wrong_specs_say_what_is_right(text, line):
    with pytest.raises(SpecError) as error:
        build(REGISTRY, text, "activation")
    assert str(error.value) == line


def test_a_type_error_of_the_constructor_is_one_line():
    with pytest.raises(SpecError, match=r"^activation free\(anything=1\): .*unexpected keyword.*$"):
        build(
            {"free": lambda anything: REGISTRY["tanh"](anything=anything)}, "free(anything=1)", "activation"
        )


def test_context_reaches_the_constructor_and_not_the_text():
    class Net:
        def __init__(self, kit, outputs: int, width: int = 3):
            self.got = kit, outputs, width

    assert build({"net": Net}, "net(width=4)", "model", kit="kit", outputs=2).got == ("kit", 2, 4)
    for reserved in ("kit", "outputs"):
        with pytest.raises(SpecError, match=f"unknown argument '{reserved}'"):
            canonical({"net": Net}, f"net({reserved}=1)", "model")


def test_only_models_reserve_names():
    assert build({"set": lambda name="a": name}, "set(name='b')", "dataset") == "b"


def test_nearest():
    assert nearest("rleu", ["relu", "elu"], "activation") == (
        "unknown activation 'rleu'; did you mean 'relu'? (known: elu, relu)"
    )


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(source) -> name of a module of that source on sys.path."""
    monkeypatch.syspath_prepend(tmp_path)
    count = itertools.count()

    def make(source: str) -> str:
        name = f"temporary_{tmp_path.name.replace('-', '_')}_{next(count)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    return make


def test_import_path(module):
    name = module(
        "def swishy(beta: float = 1.0):\n    return ('swishy', beta)\nlimit = 3\n_hidden = swishy\n"
    )
    assert build({}, f"{name}:swishy(beta=2)", "activation") == ("swishy", 2.0)
    assert canonical_text({}, f"{name}:swishy(beta=1)", "activation") == f"{name}:swishy"
    with pytest.raises(SpecError) as error:
        build({}, f"{name}:swishi", "activation")
    assert str(error.value) == (
        f"module {name}: unknown activation 'swishi'; did you mean 'swishy'? (known: swishy)"
    )
    with pytest.raises(SpecError, match="unknown activation 'limit'"):
        build({}, f"{name}:limit", "activation")


def test_postponed_annotations_count_too(module):
    source = """
        from __future__ import annotations
        def scaled(x: float = 1.0, n: int | None = None, kind: str = "a"):
            return x, n, kind
    """
    name = module(source)
    assert canonical_text({}, f"{name}:scaled(x=2)", "init") == f"{name}:scaled(x=2.0)"
    for wrong in ("x='a'", "n=1.5", "kind=3"):
        with pytest.raises(SpecError, match="must be of type"):
            canonical({}, f"{name}:scaled({wrong})", "init")


def test_a_plain_function_is_told_from_a_constructor(module):
    with pytest.raises(
        SpecError, match="argument x is missing.*names a function that returns the activation"
    ):
        build({}, f"{module('def sine(x): return x')}:sine", "activation")


@pytest.mark.parametrize(
    "source, reason",
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(module, source, reason):
    with pytest.raises(SpecError) as error:
        build({}, f"{module(source)}:f", "activation")
    _one_line(error)
    assert reason in str(error.value)


def test_a_missing_module_asks_for_the_path():
    with pytest.raises(SpecError, match=r"cannot import 'nowhere_at_all'.*is it on PYTHONPATH\?$"):
        build({}, "nowhere_at_all:f", "activation")


@pytest.mark.parametrize("text", ["builtins:dict", "builtins:dir", "builtins:iter"])
def test_a_builtin_without_signature_is_one_line(text):
    with pytest.raises(SpecError) as error:
        build({}, text, "activation")
    _one_line(error)


def _one_line(error) -> None:
    text = str(error.value)
    assert text and "\n" not in text and len(text) < 1000


def test_long_texts_are_cut_in_messages():
    with pytest.raises(SpecError) as error:
        parse("relu!" + "x" * 1_000_000)
    assert len(str(error.value)) < 300
    assert specs.nearest("x" * 1_000_000, ["relu"], "activation").startswith("unknown activation 'xxx")
