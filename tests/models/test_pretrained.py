"""Generators on disk and back, and samples that are functions of their index."""

import errno
import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansmith.errors import UserError
from gansmith.models import MODELS, Generator, Spec, Style, to_uint8
from gansmith.training.batches import to_network_range

SHAPE = (3, 8, 12)


def made(name="mlp", shape=SHAPE, classes=(), seed=0, **more) -> Generator:
    # Wide enough that no noise turns off every unit of a rectified layer.
    spec = Spec(name, shape, z_dim=5, width=16, depth=1, classes=classes, **more)
    torch.manual_seed(seed)
    G, _ = spec.nets()
    with torch.no_grad():
        G.train()(torch.randn(16, 5), torch.arange(16) % len(classes) if classes else None)
    return Generator(G, spec)


def same_weights(one: Generator, other: Generator) -> bool:
    mine, theirs = one.net.state_dict(), other.net.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_grey_levels_come_back_exactly():
    levels = torch.arange(256)
    assert torch.equal(to_uint8(levels / 127.5 - 1), levels.to(torch.uint8))
    assert to_uint8(torch.tensor([-1.0, 0.0, 1.0, -7.0, 7.0])).tolist() == [0, 128, 255, 0, 255]


@pytest.mark.parametrize("classes", [(), ("cat", "狗")], ids=["plain", "classes"])
@pytest.mark.parametrize("name", MODELS)
def test_a_generator_comes_back_bit_by_bit(tmp_path, name, classes):
    before = made(name, classes=classes)
    folder = before.save_pretrained(tmp_path / "a b" / "生成")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    after = Generator.from_pretrained(str(folder))
    assert after.spec == before.spec
    assert same_weights(before, after)
    assert not after.net.training
    assert torch.equal(before.sample(5, seed=3), after.sample(5, seed=3))


def test_points_come_back_as_floats(tmp_path):
    before = made("mlp", (2,), kind="points")
    before.save_pretrained(tmp_path)
    x = Generator.from_pretrained(tmp_path).sample(9)
    assert x.dtype == torch.float32
    assert x.shape == (9, 2)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_pictures_whatever_the_batch(name):
    generator = made(name, classes=("a", "b", "c"))
    whole = generator.sample(40, seed=7, batch=40).int()
    for batch in (1, 7, 16):
        other = generator.sample(40, seed=7, batch=batch).int()
        assert int((whole - other).abs().max()) <= 1
    assert torch.equal(generator.sample(40, seed=7, batch=40).int(), whole)
    assert int((whole - generator.sample(40, seed=8, batch=40).int()).abs().max()) > 2


@pytest.mark.parametrize("name", MODELS)
def test_a_picture_is_a_function_of_its_index(name):
    generator = made(name, classes=("a", "b"))
    whole = generator.sample(300, seed=1, batch=100).int()
    part = torch.cat(list(generator.batches(10, seed=1, start=290, batch=4))).int()
    assert int((whole[290:] - part).abs().max()) <= 1
    assert len(whole.flatten(1).unique(dim=0)) == 300


class Echo(nn.Module):
    """Paints each picture in the number of its class."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z_BZ, y_B):
        return (y_B / 127.5 - 1).view(-1, 1, 1, 1)


def echo(classes=4) -> Generator:
    return Generator(Echo(), Spec("mlp", (1, 1, 1), 2, 1, 1, tuple("abcdefghij"[:classes])))


def test_without_a_class_all_classes_come_equally_often():
    drawn = echo().sample(1200, seed=0).flatten()
    counts = torch.bincount(drawn, minlength=4).double()
    chi_squared = float(((counts - 300) ** 2 / 300).sum())
    assert chi_squared < 16.3  # the 99.9 % point for three degrees of freedom
    assert torch.equal(echo().sample(50, seed=0, batch=3).flatten(), drawn[:50])
    assert not torch.equal(echo().sample(50, seed=1).flatten(), drawn[:50])
    assert float((drawn[1:] == drawn[:-1]).double().mean()) == pytest.approx(0.25, abs=0.05)


def test_a_class_that_is_asked_for_is_given():
    assert echo().sample(9, class_index=2).flatten().tolist() == [2] * 9


@pytest.mark.parametrize(
    ("generator", "arguments", "message"),
    [
        (echo(), {"class_index": 4}, "class 4 is not known: this generator has classes 0 to 3"),
        (echo(), {"class_index": -1}, "class -1 is not known"),
        (made(), {"class_index": 0}, "was trained without classes"),
        (made(), {"count": 0}, "cannot make 0 samples: ask for at least one"),
        (made(), {"count": -3}, "cannot make -3 samples"),
    ],
)
def test_impossible_wishes_are_one_clear_line(generator, arguments, message):
    with pytest.raises(UserError, match=message):
        generator.sample(**arguments)


# What stands on disk


def damaged(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        Generator.from_pretrained(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    return text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "no saved generator here (config.json is missing)"),
        ("model.safetensors", None, "no saved generator here (model.safetensors is missing)"),
        ("config.json", b"", "damaged"),
        ("config.json", b"{", "damaged"),
        ("config.json", b"[1, 2]", "damaged"),
        ("config.json", b"\xff\xfe", "damaged"),
        ("config.json", b"{}", "damaged: 'format'"),
        ("model.safetensors", b"", "damaged"),
        ("model.safetensors", b"not at all safe", "damaged"),
        ("model.safetensors", b"\xff" * 64, "damaged"),
    ],
)
def test_damaged_files_are_one_clear_line(tmp_path, name, content, message):
    made().save_pretrained(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert message in damaged(tmp_path)


@given(st.floats(0, 1, exclude_max=True))
def test_a_torn_weights_file_is_seen(tmp_path_factory, part):
    folder = tmp_path_factory.mktemp("torn")
    made().save_pretrained(folder)
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "damaged" in damaged(folder)


def with_settings(folder: Path, **changes) -> Path:
    made().save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))
    return folder


def test_a_newer_format_is_refused(tmp_path):
    text = damaged(with_settings(tmp_path, format=3))
    assert "format 3 is newer than this gansmith reads (2)" in text


@pytest.mark.parametrize(
    "changes",
    [{"width": 8}, {"z_dim": 6}, {"shape": [3, 8, 8]}, {"classes": ["a"]}, {"name": "resnet"}],
    ids=str,
)
def test_weights_of_other_nets_are_refused(tmp_path, changes):
    assert "damaged" in damaged(with_settings(tmp_path, **changes))


ODD = [None, True, -1, 0, 3.5, 10**30, "", "x", [], [0], [3, 0, 0], [3, 8], {}, {"a": 1}, [None]]


@pytest.mark.parametrize("key", ["format", *Spec.__dataclass_fields__])
def test_odd_settings_never_end_in_a_traceback(tmp_path, key):
    refused = []
    for value in ODD:
        with_settings(tmp_path, **{key: value})
        try:
            Generator.from_pretrained(tmp_path)
        except UserError as error:
            refused.append(str(error))
    assert len(refused) >= 5
    assert all("\n" not in text and str(tmp_path) in text for text in refused)


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        Generator.from_pretrained(tmp_path / "nowhere")


class Killed(BaseException):
    """What a process that is killed never gets to handle."""


@pytest.mark.parametrize("failure", [Killed(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_save_that_fails_anywhere_leaves_whole_files(tmp_path, monkeypatch, failure):
    old, new = made(seed=0), made(seed=1)
    calls, at = 0, 0

    def failing(real):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == at:
                raise failure
            return real(*arguments, **options)

        return call

    monkeypatch.setattr("os.fsync", failing(lambda _: None))
    monkeypatch.setattr(Path, "replace", failing(Path.replace))
    monkeypatch.setattr(Path, "open", failing(Path.open))
    outcomes, lines = [], []
    while True:
        calls, at = 0, 0
        old.save_pretrained(tmp_path)
        calls, at = 0, len(outcomes) + 1
        try:
            new.save_pretrained(tmp_path)
            break
        except (UserError, Killed) as error:
            lines.append(str(error))
        at = 0
        found = Generator.from_pretrained(tmp_path)
        assert same_weights(found, old) or same_weights(found, new)
        outcomes.append(same_weights(found, new))
    assert len(outcomes) >= 6
    if isinstance(failure, OSError):
        assert all("no space left on device" in line for line in lines)
    assert outcomes == sorted(outcomes), "once the new weights stand, they stay"
    assert set(outcomes) == {False, True}


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"could not save the generator in .*: not a directory"):
        made().save_pretrained(tmp_path / "file" / "below")


# The hub, by a stand-in


def hub(monkeypatch, remote: Path, failure: Exception | None = None) -> list[tuple]:
    """A stand-in for huggingface_hub whose one repository is a folder."""
    calls: list[tuple] = []

    class HfApi:
        def create_repo(self, repo_id, exist_ok):
            calls.append(("create", repo_id, exist_ok))

        def upload_folder(self, repo_id, folder_path):
            if failure:
                raise failure
            for path in Path(folder_path).iterdir():
                (remote / path.name).write_bytes(path.read_bytes())
            calls.append(("upload", repo_id))

    def snapshot_download(repo_id, allow_patterns):
        if failure:
            raise failure
        calls.append(("download", repo_id, tuple(allow_patterns)))
        return str(remote)

    module = ModuleType("huggingface_hub")
    module.HfApi, module.snapshot_download = HfApi, snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return calls


def test_a_generator_goes_to_the_hub_and_comes_back(tmp_path, monkeypatch):
    (remote := tmp_path / "remote").mkdir()
    calls = hub(monkeypatch, remote)
    before = made("resnet")
    before.save_pretrained(tmp_path / "local", push_to_hub="ann/digits")
    monkeypatch.chdir(tmp_path)
    assert same_weights(Generator.from_pretrained("ann/digits"), before)
    assert calls == [
        ("create", "ann/digits", True),
        ("upload", "ann/digits"),
        ("download", "ann/digits", ("config.json", "*.safetensors")),
    ]


def test_what_the_hub_refuses_is_one_clear_line(tmp_path, monkeypatch):
    hub(monkeypatch, tmp_path, RuntimeError("401 unauthorised\nlog in first"))
    said = r"^ann/digits: no such folder here; hub ann/digits: 401 unauthorised$"
    with pytest.raises(UserError, match=said):
        Generator.from_pretrained("ann/digits")
    with pytest.raises(UserError, match=r"^hub ann/digits: 401 unauthorised$"):
        made().save_pretrained(tmp_path / "local", push_to_hub="ann/digits")


def test_without_the_hub_library_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"huggingface_hub: pip install 'gansmith\[hub\]'"):
        Generator.from_pretrained("ann/digits")


def test_only_a_name_that_could_be_a_hubs_is_asked_for(tmp_path, monkeypatch):
    calls = hub(monkeypatch, tmp_path)
    for source in ("./run", "/nowhere", "a/b/c", "run", "~/run"):
        with pytest.raises(UserError, match="there is no such folder"):
            Generator.from_pretrained(source)
    assert calls == []


# Styles, priors and ranges

NAMES_OF_FORMAT_1 = {
    "mlp": "body.0.bias body.0.weight out.bias out.weight",
    "dcgan": "body.0.bias body.0.num_batches_tracked body.0.running_mean body.0.running_var "
    "body.0.weight body.2.bias body.2.weight dense.weight",
    "resnet": "blocks.0.0.first.bias blocks.0.0.first.weight blocks.0.0.last.bias "
    "blocks.0.0.last.weight blocks.1.0.first.bias blocks.1.0.first.weight blocks.1.0.last.bias "
    "blocks.1.0.last.weight dense.bias dense.weight narrow.0.bias narrow.0.weight out.bias "
    "out.weight",
}


@pytest.mark.parametrize("name", NAMES_OF_FORMAT_1)  # later families never had it
def test_a_folder_of_format_1_is_the_familys_own_style(tmp_path, name):
    before = made(name, (1, 8, 8))
    assert sorted(before.net.state_dict()) == NAMES_OF_FORMAT_1[name].split()
    before.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    for key in ("prior", "g", "d"):
        del settings[key]
    (tmp_path / "config.json").write_text(json.dumps(settings | {"format": 1}))
    after = Generator.from_pretrained(tmp_path)
    assert after.spec == before.spec
    assert (after.spec.g, after.spec.d) == (MODELS[name].g, MODELS[name].d)
    assert after.spec.prior == "normal"
    assert torch.equal(before.sample(5, seed=3), after.sample(5, seed=3))


@pytest.mark.parametrize("key", Style.__dataclass_fields__)
@pytest.mark.parametrize("player", ["g", "d"])
def test_odd_styles_never_end_in_a_traceback(tmp_path, player, key):
    sound = asdict(made().spec)[player]
    refused = []
    for value in [*ODD, ["x"], [4.5], [True], "relu ", "__class__"]:
        with_settings(tmp_path, **{player: sound | {key: value}})
        try:
            Generator.from_pretrained(tmp_path)
        except UserError as error:
            refused.append(str(error))
    assert len(refused) >= 10
    assert all("\n" not in text and str(tmp_path) in text for text in refused)


@pytest.mark.parametrize("changes", [{"g": {}}, {"d": None}, {"g": "relu"}, {"prior": "cauchy"}])
def test_a_style_that_is_not_there_is_refused(tmp_path, changes):
    assert "damaged" in damaged(with_settings(tmp_path, **changes))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0)])
def test_grey_levels_come_back_from_every_range(low, high):
    levels = torch.arange(256, dtype=torch.uint8)
    x = to_network_range(levels.view(-1, 1, 1, 1), low, high)
    assert (float(x.min()), float(x.max())) == (low, high)
    assert torch.equal(to_uint8(x, low, high).flatten(), levels)
    assert to_uint8(torch.tensor([low - 3, high + 3]), low, high).tolist() == [0, 255]


class Noise(nn.Module):
    """Paints each picture in the first number of its noise."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, z_BZ, y_B):
        return z_BZ[:, :1, None, None]


def test_z_is_drawn_by_the_prior_and_pictures_are_of_the_outputs_range():
    def drawn(prior, output, **more):
        spec = Spec("mlp", (1, 1, 1), 2, 1, 1, prior=prior, g=Style(output=output))
        return Generator(Noise(), spec).sample(3_000, seed=5, **more).flatten()

    normal, uniform = drawn("normal", "tanh"), drawn("uniform", "tanh")
    assert float(((normal == 0) | (normal == 255)).float().mean()) > 0.25, "N(0, 1) overshoots"
    counts = torch.histc(uniform.double(), 8, 0, 255)
    assert float(((counts - 375) ** 2 / 375).sum()) < 24.3  # 99.9 %, seven degrees of freedom
    assert torch.equal(drawn("uniform", "tanh", batch=7), uniform)
    black = float((drawn("uniform", "sigmoid") == 0).float().mean())
    assert black == pytest.approx(0.5, abs=0.04), "of (0, 1), below 0 is black"
