"""FID's Inception by stand-in files; the real one is tested where it is found."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data import open_data
from gansmith.data.fetch import is_ready
from gansmith.errors import UserError
from gansmith.metrics import (
    Comparison,
    Sample,
    extract,
    frechet_distance,
    load_features,
    score_card,
)
from gansmith.metrics import inception as module
from gansmith.metrics.features import frechet_name
from gansmith.metrics.fidelity import fidelity
from gansmith.metrics.inception import FILE, SHA256, TWIN, InceptionFeatures, weights_places


def test_the_file_is_the_one_that_torch_fidelity_names() -> None:
    url = fidelity("feature_extractor_inceptionv3").URL_INCEPTION_V3
    assert url.endswith(f"/v0.2.0/{FILE}")
    assert FILE.endswith(f"-{SHA256[:8]}.pth")
    assert TWIN.endswith(f"-{SHA256[:8]}.pth")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of torch's."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def random_net(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path, str]:
    """torch-fidelity's net with random weights, a file of them, and its sha256."""
    room = fidelity("feature_extractor_inceptionv3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(room.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        net = room.FeatureExtractorInceptionV3("stand-in", ["2048", "logits_unbiased"])
    for part in net.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.weight.mul_(6**0.5)  # He et al. 2015: activations keep their scale
    path = tmp_path_factory.mktemp("weights") / "stand-in.pth"
    torch.save(net.state_dict(), path)
    return net, path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def stand_in(
    random_net: tuple[torch.nn.Module, Path, str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A file of random weights that passes for the known one."""
    monkeypatch.setattr(module, "SHA256", random_net[2])
    return random_net[1]


def test_without_the_file_it_says_which_and_where(hub: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_features("inception-v3")
    told = str(caught.value)
    assert FILE in told
    assert "github.com/toshas/torch-fidelity" in told
    assert str(hub) in told
    assert "never downloaded" in told
    assert "\n" not in told


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"w\.pth: there is no such file"):
        load_features("inception-v3", weights=tmp_path / "w.pth")


@pytest.mark.parametrize("name", [FILE, TWIN])
def test_a_file_of_that_name_with_other_content_is_refused(hub: Path, name: str) -> None:
    (hub / name).write_bytes(b"something else")
    with pytest.raises(UserError, match=r"not FID's Inception .*6726825d") as caught:
        load_features("inception-v3")
    assert str(hub / name) in str(caught.value)


def test_a_known_file_with_other_tensors_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pth"
    torch.save({"fc.weight": torch.zeros(2)}, path)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="do not fit FID's Inception") as caught:
        InceptionFeatures(weights=path)
    assert "\n" not in str(caught.value)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_file_that_would_run_code_is_refused_even_if_its_hash_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pth"
    torch.save({"fc.weight": Evil(tmp_path / "harm")}, path)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(UserError, match="do not fit"):
        InceptionFeatures(weights=path)
    assert not (tmp_path / "harm").exists()


def test_features_and_logits_are_torch_fidelitys(
    random_net: tuple[torch.nn.Module, Path, str],
    stand_in: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = load_features("inception-v3", weights=stand_in)
    assert features.digest == module.SHA256[:12]
    assert "299" in features.resize
    images = torch.randint(0, 256, (3, 3, 32, 20), dtype=torch.uint8)
    expected, logits = random_net[0](images)
    assert expected.std() > 0.01
    monkeypatch.setattr(module, "CHUNK", 2)
    found = features(images)
    assert (found.shape, found.dtype) == ((3, 2048), torch.float32)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(features.logits_of(found), logits, atol=1e-5, rtol=1e-4)
    grey = images[:1, :1]
    assert torch.equal(features(grey), features(grey.repeat(1, 3, 1, 1)))
    with pytest.raises(UserError, match="2 channels"):
        features(images[:, :2])


def test_the_distance_is_called_fid_on_these_features_only(stand_in: Path) -> None:
    inception, digits = InceptionFeatures(weights=stand_in), load_features("digits-cnn")
    assert frechet_name(inception) == "fid"
    rows = Sample(torch.randn(8, 5), torch.zeros(8, 1, 8, 8, dtype=torch.uint8))
    only = ("fd", "recall")
    for features, names in ((inception, {"fid", "recall"}), (digits, {"fd", "recall"})):
        assert set(score_card(Comparison(rows, rows, features, forced=True), only)[0]) == names


@pytest.mark.slow
def test_fid_of_cifar_10_is_the_published_one(
    users_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10.3233274: the first 5,000 of train against those of test (torch-fidelity's own test)."""
    if not any(path.is_file() for path in weights_places()):
        pytest.skip(f"{FILE} is not in torch's hub cache")
    monkeypatch.setenv("GANSMITH_CACHE", str(users_cache))
    if not is_ready("cifar10"):
        pytest.skip("CIFAR-10 is not in the cache: gansmith data get cifar10")
    features, first = load_features("inception-v3"), np.arange(5000)
    rows = []
    for split, start in (("train", [6, 9, 9, 4, 1]), ("test", [3, 8, 8, 0, 6])):
        data = open_data("cifar10", split=split, labels=True)
        if data.batch(first[:5])[1].tolist() != start:
            pytest.skip("this copy of CIFAR-10 is in another order")
        rows.append(extract(data, features, indices=first))
    assert frechet_distance(*rows) == pytest.approx(10.3233274, abs=1e-3)
