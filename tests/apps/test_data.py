from pathlib import Path

from gansmith.apps import data


def test_the_list_names_every_source_and_says_how_to_get_it() -> None:
    text = data.listing_text()
    for source in data.listing():
        line = next(line for line in text.splitlines() if line.startswith(source["name"]))
        assert line.endswith("ready" if source["ready"] else source["how"])
        assert f"{source['count']:,}" in line
    assert max(map(len, text.splitlines())) <= 100


def test_what_a_folder_holds(pictures: Path) -> None:
    info = data.inspect(str(pictures), "train")
    text = data.inspect_text(info)
    assert text.splitlines()[0] == f"{pictures}: 48 images of 3 x 8 x 8"
    assert "- resolution 8x8: the images' own" in text


def test_classes_are_counted_and_named() -> None:
    info = data.inspect("digits", "train")
    text = data.inspect_text(info | {"classes": [str(digit) for digit in range(20)]})
    assert "20 classes for --conditional: 0, 1, 2" in text
    assert data.inspect("digits", "train")["classes"] == tuple("0123456789")
