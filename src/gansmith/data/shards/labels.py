"""A class beside a picture, as other readers of WebDataset know it."""

import json
from collections.abc import Sequence


def label_parts(label: int | None, names: Sequence[str]) -> list[tuple[str, bytes]]:
    """``cls`` with the number, and where the class has a name that is another, ``json`` with both.

    Args:
        label: the number; None or negative where there is none.
        names: of all classes.
    """
    if label is None or label < 0:
        return []
    parts = [("cls", str(label).encode())]
    if names[label] != str(label):
        tree = {"class": names[label], "label": label}
        parts.append(("json", json.dumps(tree).encode()))
    return parts
