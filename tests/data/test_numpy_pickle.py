"""Arrays out of pickles: what numpy wrote comes back, and nothing that a file names is called."""

import io
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansmith.data.numpy_pickle import read_arrays
from gansmith.errors import UserError


@given(
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from([3, 4]),
    st.booleans(),
    st.integers(0, 99),
)
def test_what_numpy_wrote_comes_back(
    shape: list[int], protocol: int, fortran: bool, seed: int
) -> None:
    array = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    array = np.asfortranarray(array) if fortran else array
    content = pickle.dumps({"net": {"kernel": array}, "bias": array[..., None]}, protocol)
    found = read_arrays(content, "here")
    assert set(found) == {"net.kernel", "bias"}
    assert np.array_equal(found["net.kernel"], array)
    assert found["bias"].shape == (*array.shape, 1)


def test_the_names_of_older_numpy_are_read() -> None:
    content = pickle.dumps({"a": np.arange(3, dtype=np.float32)}, 3)
    older = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert older != content
    assert read_arrays(older, "here")["a"].tolist() == [0, 1, 2]


class Evil:
    def __init__(self, call: object, *arguments: object) -> None:
        self.made = (call, arguments)

    def __reduce__(self) -> tuple:
        return self.made


@pytest.mark.parametrize(
    "call", [os.system, eval, np.load, np.fromfile, open, getattr, __import__, pickle.loads]
)
def test_no_function_that_a_file_names_is_called(
    call: object, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps({"a": Evil(call, "touch harm")})
    with pytest.raises(UserError, match=r"here: not a pickle of plain float32 arrays .*it names"):
        read_arrays(content, "here")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ""),
        (b"\x80\x04.", ""),
        (pickle.dumps([1, 2]), "the top is list"),
        (pickle.dumps({"a": {"b": 3}}), "a.b is int"),
        (pickle.dumps({1: np.zeros(2, np.float32)}), "no text"),
        (pickle.dumps({"a": np.zeros(2, np.float64)}, 3), "only little-endian float32"),
        (pickle.dumps({"a": np.zeros(2, ">f4")}, 3), "only little-endian float32"),
        (pickle.dumps({"a": np.array([{}])}, 3), "only little-endian float32"),
        (pickle.dumps({"a": np.zeros(9, np.float32)}, 3)[:-20], ""),
    ],
)
def test_anything_else_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=f"not a pickle of plain float32 arrays .*{words}"):
        read_arrays(content, "here")


def test_every_cut_of_a_pickle_is_refused_in_one_line() -> None:
    content = pickle.dumps({"a": np.zeros(4, np.float32), "b": np.ones(2, np.float32)}, 3)
    for end in range(len(content) - 1):
        with pytest.raises(UserError):
            read_arrays(io.BytesIO(content).read(end), "here")
