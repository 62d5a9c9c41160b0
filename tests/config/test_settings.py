import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gansmith import config
from gansmith.config import Config, build, known_keys, merge, nest, parse_assignment
from gansmith.errors import UserError, nearest, nearest_setting

names = st.sampled_from(["a", "b", "c", "d"])
trees = st.recursive(
    st.integers() | st.booleans() | st.none() | st.text(max_size=3),
    lambda leaf: st.dictionaries(names, leaf, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(names, trees, max_size=4)


def leaves(tree: dict, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        nested = isinstance(value, dict)
        found |= leaves(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return found


def refusal(*assignments: str) -> str:
    with pytest.raises(UserError) as caught:
        build(nest(parse_assignment(text) for text in assignments))
    line = str(caught.value)
    assert "\n" not in line
    return line


# --- merging and nesting


@given(mappings, mappings)
def test_merge_lets_every_leaf_of_the_changes_win(base: dict, changes: dict) -> None:
    merged = leaves(merge(base, changes))
    for key, value in leaves(changes).items():
        assert merged[key] == value


@given(mappings, mappings)
def test_merge_keeps_what_the_changes_do_not_name_and_changes_neither(
    base: dict, changes: dict
) -> None:
    before = repr((base, changes))
    merged = merge(base, changes)
    assert repr((base, changes)) == before
    assert {k: v for k, v in merged.items() if k not in changes} == {
        k: v for k, v in base.items() if k not in changes
    }


@given(mappings)
def test_merge_with_nothing_is_the_same(tree: dict) -> None:
    assert merge(tree, {}) == tree
    assert merge({}, tree) == tree


def test_known_keys_are_the_keys_of_the_settings_written_out() -> None:
    tree = config.to_tree(Config())
    sections = {"data", "model", "model.g", "model.d", "coding", "targets", "instance_noise"}
    sections |= {"matching", "penalty", "vae", "optim", "ema", "augment", "evaluate"}
    sections |= {"masks", "completion", "translation"}
    sections |= {"doctor"}
    assert set(known_keys()) == set(leaves(tree)) | sections
    assert {"seed", "batch", "resolution", "optim.lr", "loss", "penalty.gamma"} <= set(known_keys())


@given(st.sampled_from(sorted(known_keys())), st.integers())
def test_nest_puts_a_value_where_its_dotted_key_says(key: str, value: int) -> None:
    node: object = nest([(key, value)])
    for part in key.split("."):
        assert isinstance(node, dict)
        node = node[part]
    assert node == value


def test_nest_joins_settings_of_one_section_and_the_last_one_wins() -> None:
    tree = nest([("optim.lr", 1), ("optim.beta1", 2), ("optim.lr", 3), ("seed", 4)])
    assert tree == {"optim": {"lr": 3, "beta1": 2}, "seed": 4}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("optm.lr", "optim.lr"),
        ("optim.learning", "optim.lr"),
        ("model.widht", "model.width"),
        ("Batch", "batch"),
        ("penalty.gama", "penalty.gamma"),
    ],
)
def test_a_misspelt_key_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UserError, match=f"unknown setting {wrong!r}; did you mean {right!r}"):
        nest([(wrong, 1)])


def test_nearest_says_nothing_where_nothing_is_near() -> None:
    assert nearest("zebra", ["width", "depth"]) == ""
    assert nearest("wdith", ["width", "depth"]) == "; did you mean 'width'?"


def test_the_last_part_of_a_setting_names_the_whole() -> None:
    known = ["targets.smooth", "translation.target", "model.g.norm", "model.d.norm"]
    assert nearest_setting("target", known) == "; did you mean 'translation.target'?"
    assert nearest_setting("norm", known) == "; did you mean 'model.g.norm' or 'model.d.norm'?"
    assert nearest_setting("targets.smoth", known) == "; did you mean 'targets.smooth'?"
    assert nearest_setting("zebra", known) == ""


# --- round trip

settings = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "budget": st.integers(1, 10**12).map(lambda n: f"{n}-images"),
        "resolution": st.just("auto") | st.tuples(*[st.integers(2, 64).map(lambda n: 4 * n)] * 2),
        "batch": st.just("auto") | st.integers(1, 64),
        "loss": st.text(),
        "optim.lr": st.just("auto") | st.floats(1e-12, 1e3),
        "ema.half_life": st.floats(0, 1e12),
        "data.source": st.text(min_size=1),
        "data.limit": st.none() | st.integers(1, 10**9),
        "augment.flip": st.sampled_from(["auto", True, False]),
        "penalty.gamma": st.just("auto") | st.floats(0, 1e6),
        "tensorboard": st.booleans(),
    },
)


@given(settings)
def test_settings_survive_being_written_and_read(tree: dict[str, object]) -> None:
    cfg = build(nest(tree.items()))
    assert build(config.to_tree(cfg)) == cfg
    assert build(yaml.safe_load(config.to_yaml(cfg))) == cfg


def test_settings_survive_a_file_with_a_name_in_chinese(tmp_path: Path) -> None:
    cfg = build({"data": {"source": "图片 2"}})
    path = tmp_path / "设置.yaml"
    path.write_text(config.to_yaml(cfg), encoding="utf-8")
    assert "图片 2" in path.read_text(encoding="utf-8")
    assert build(config.read_yaml(path)) == cfg


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(Exception, match="frozen"):
        Config().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("optim.lr=1e-3", 1e-3),
        ("optim.lr=2E+2", 200.0),
        ("tensorboard=true", True),
        ("resolution=[32, 48]", [32, 48]),
        ("data.source=a=b", "a=b"),
        (" seed = 5", 5),
        ("data.limit=", None),
    ],
)
def test_an_assignment_is_split_at_its_first_equals_sign(text: str, value: object) -> None:
    assert parse_assignment(text)[1] == value


@pytest.mark.parametrize(
    ("given_", "meant"),
    [
        (32, (32, 32)),
        ("32", (32, 32)),
        ("48x64", (48, 64)),
        ("48 × 64", (48, 64)),
        ([8, 12], (8, 12)),
    ],
)
def test_resolutions_as_people_write_them(given_: object, meant: tuple[int, int]) -> None:
    assert build({"resolution": given_}).resolution == meant


# --- refusals


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("optim.lr=nan", "optim.lr: must be a finite number"),
        ("optim.lr=.inf", "optim.lr: must be a finite number"),
        ("optim.lr=1e400", "optim.lr: must be a finite number"),
        ("optim.lr=-1", "optim.lr: must be greater than 0"),
        ("optim.lr=0", "optim.lr: must be greater than 0"),
        ("optim.lr=fast", "optim.lr: expected a number or 'auto' (got 'fast')"),
        ("optim.lr=true", "optim.lr: true and false mean nothing here"),
        ("optim=3", "optim: expected a group of settings (got 3)"),
        ("optim.beta2=1", "optim.beta2: must be less than 1"),
        ("batch=0", "batch: must be at least 1 (got 0)"),
        ("batch=1.5", "batch: expected a whole number or 'auto' (got 1.5)"),
        ("batch=true", "batch: true and false mean nothing here"),
        ("seed=-1", "seed: must be at least 0"),
        ("resolution=7", "resolution 7 is not supported: sides are multiples of 4, 8 to 256"),
        ("resolution=512", "resolution 512 is not supported"),
        ("resolution=0", "resolution 0 is not supported"),
        ("resolution=32x", "resolution: expected a number of pixels (32), HEIGHTxWIDTH"),
        ("resolution=[32]", "resolution: expected HEIGHTxWIDTH"),
        ("data.channels=2", "data.channels: expected 'auto', 1 or 3 (got 2)"),
        ("data.crop=centre", "data.crop: expected 'center', 'stretch' or 'pad' (got 'centre')"),
        ("data.source=''", "data.source: must not be empty"),
        ("model.width=0", "model.width: must be at least 1 (got 0)"),
        ("loss=no", "loss: true and false mean nothing here"),  # YAML reads `no` as false
        ("budget=0s", "is zero: nothing would be trained"),
        ("budget=100", "budget 100 is not understood: write 90s"),
        ("augment.flip=maybe", "augment.flip: expected true or false or 'auto' (got 'maybe')"),
        ("precision=fp16", "precision: expected 'auto', 'fp32' or 'bf16'"),
        ("penalty.final_ratio=2", "penalty.final_ratio: must be at most 1 (got 2)"),
        ("data={sorce: x}", "unknown setting 'data.sorce'; did you mean 'data.source'?"),
        ("data={1: x}", "unknown setting 'data.1'"),
        ("optim.lr=[[", "the value is not valid YAML"),
        ("optim.lr=2024-99-99", "the value is not valid YAML"),
        ("optim.lr=" + "[" * 5000, "the value is not valid YAML"),
        ("optim.lr=!!python/object/apply:os.system [ls]", "the value is not valid YAML"),
        ("=3", "is not understood: write --set optim.lr=0.001"),
        ("optim.lr", "is not understood: write --set optim.lr=0.001"),
        ("data.source=" + "x" * 5000 + "\nloss: [", "the value is not valid YAML"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(assignment: str, said: str) -> None:
    line = refusal(assignment)
    assert said in line
    assert len(line) < 200


def test_off_is_a_word_where_a_setting_knows_it() -> None:
    """A bare ``off`` is false to YAML."""
    assert build(nest([parse_assignment("doctor.repair=off")])).doctor.repair == "off"
    assert refusal("doctor.repair=on").startswith("doctor.repair: ")


def test_a_batch_must_be_a_multiple_of_its_parts() -> None:
    line = refusal("batch=10", "accumulate=3")
    assert line == "batch 10 cannot be split into accumulate=3 equal parts"
    assert build({"batch": 12, "accumulate": 3}).batch == 12


@pytest.mark.parametrize("key", [key for key in known_keys() if "." in key])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_setting_takes_nan_or_infinity(key: str, value: float) -> None:
    with pytest.raises(UserError):
        build(nest([(key, value)]))


def test_the_line_begins_with_the_file_that_is_at_fault() -> None:
    with pytest.raises(UserError, match=r"^mine\.yaml: batch: must be at least 1"):
        build({"batch": 0}, where="mine.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"- a\n- b\n", "expected settings (key: value), found a list"),
        (b"just words", "expected settings (key: value), found a str"),
        (b"batch: [1\nseed: 3", "line 2: not valid YAML"),
        (b"a: !!python/object/apply:os.system ['touch x']", "line 1: not valid YAML"),
        (b"\xff\xfe\x00\x80", "not valid YAML"),
        (b"batch: \x07", "not valid YAML"),
        (b"a: 2024-99-99", "not valid YAML"),
        (b"a: " + b"[" * 5000, "not valid YAML"),
        (b"a: *b", "not valid YAML"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(
    tmp_path: Path, content: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        config.read_yaml(Path("bad.yaml"))
    line = str(caught.value)
    assert line.startswith("bad.yaml")
    assert said in line
    assert "\n" not in line
    assert not Path("x").exists()  # nothing in it was run


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory"):
        config.read_yaml(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="is a directory"):
        config.read_yaml(tmp_path)
    empty = tmp_path / "empty.yaml"
    empty.touch()
    assert config.read_yaml(empty) == {}
