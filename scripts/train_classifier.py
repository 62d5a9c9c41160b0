"""Train a classifier whose embedding the metrics use, and write it into the package's assets.

    python scripts/train_classifier.py digits
    python scripts/train_classifier.py fashion --data FOLDER_WITH_IDX_FILES

A few minutes on one CPU core. The same machine and seed give the same file; the JSON beside it
records accuracy, data digest, settings and licence notices.
"""

import argparse
import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from gansmith.data import open_data
from gansmith.metrics.features import CHUNK, SIDE, ClassifierNet

ASSETS = Path(__file__).parents[1] / "src" / "gansmith" / "assets"
EMBEDDING, BATCH, LR, DECAY, SHIFT = 64, 100, 3e-3, 0.05, 2
FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
WEIGHTS = "The weights are under Apache-2.0, as gansmith. See features.NOTICE.md."
DATA = {
    "digits": {
        "classes": list("0123456789"),
        "epochs": 4,
        "flip": False,
        "licence": "Derived from MNIST (Y. LeCun, C. Cortes, C. J. C. Burges), "
        "whose data are under CC BY-SA 3.0. " + WEIGHTS,
    },
    "fashion": {
        "classes": FASHION.split(","),
        "epochs": 7,
        "flip": True,
        "licence": "Derived from Fashion-MNIST, copyright (c) 2017 Zalando SE, "
        "whose data are under the MIT licence. " + WEIGHTS,
    },
}


def read_split(source: str, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    data = open_data(source, split=split, labels=True)
    if data.info.shape != (1, SIDE, SIDE) or len(data.info.classes) != 10:
        raise SystemExit(f"{source}: expected grey {SIDE}x{SIDE} images of 10 classes")
    return data.batch(np.arange(len(data)))


def content_digest(images: torch.Tensor, labels: torch.Tensor) -> str:
    """sha256 of the bytes of the IDX files without their headers."""
    content = images.numpy().tobytes() + labels.to(torch.uint8).numpy().tobytes()
    return hashlib.sha256(content).hexdigest()


def augment(x_B1HW: torch.Tensor, flip: bool, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by up to SHIFT pixels, and mirrored half of the time."""
    count = len(x_B1HW)
    padded = F.pad(x_B1HW, (SHIFT,) * 4)
    top, left = torch.randint(0, 2 * SHIFT + 1, (2, count, 1), generator=generator)
    line = torch.arange(SIDE)
    columns = left + line
    if flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    each = torch.arange(count)[:, None, None]
    return padded[each, 0, (top + line)[:, :, None], columns[:, None, :]][:, None]


@torch.no_grad()
def accuracy(net: ClassifierNet, images: torch.Tensor, labels: torch.Tensor) -> float:
    net.eval()
    right = sum(
        (net(x.float() / 255).argmax(1) == y).sum().item()
        for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True)
    )
    return right / len(labels)


def train(args: argparse.Namespace, images: torch.Tensor, labels: torch.Tensor) -> ClassifierNet:
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    net = ClassifierNet(len(DATA[args.data_name]["classes"]), EMBEDDING)
    net.to(memory_format=torch.channels_last)  # twice the speed on a CPU
    optimiser = torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY)
    steps = args.epochs * (len(images) // BATCH)
    step, start = 0, time.monotonic()
    for epoch in range(args.epochs):
        net.train()
        order = torch.randperm(len(images), generator=generator)
        for index in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            progress = step / steps  # warm up over the first tenth, then a cosine to zero
            scale = min(progress / 0.1, 0.5 + 0.5 * math.cos(math.pi * progress))
            optimiser.param_groups[0]["lr"] = LR * max(scale, 1e-3)
            x = augment(images[index].float() / 255, DATA[args.data_name]["flip"], generator)
            loss = F.cross_entropy(net(x), labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, {time.monotonic() - start:.0f} s")
    return net


@torch.no_grad()
def restandardise(net: ClassifierNet, images: torch.Tensor) -> None:
    """Exact mean and variance of the embedding over the unshifted training set.

    The running statistics were estimates of these, so the head sees nearly the same numbers;
    the accuracy is measured afterwards.
    """
    net.eval()
    rows = torch.cat([net.embedding(x.float() / 255) for x in images.split(CHUNK)]).double()
    norm = net.standardise
    scale = (norm.running_var.double() + norm.eps).sqrt()
    mean = norm.running_mean.double() + rows.mean(0) * scale
    norm.running_var.copy_((rows.std(0) * scale) ** 2)
    norm.running_mean.copy_(mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_name", choices=DATA)
    parser.add_argument("--data", help="as for gansmith train, by default the built-in name")
    parser.add_argument("--out", type=Path, default=ASSETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    about = DATA[args.data_name]
    args.epochs = args.epochs or about["epochs"]
    torch.set_num_threads(1)  # sums in one order: the same weights on every run
    torch.use_deterministic_algorithms(True)

    start = time.monotonic()
    source = args.data or args.data_name
    images, labels = read_split(source, "train")
    test_images, test_labels = read_split(source, "test")
    net = train(args, images, labels)
    restandardise(net, images)
    state = {
        key: value.half().contiguous()
        for key, value in net.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    net.load_state_dict({key: value.float() for key, value in state.items()}, strict=False)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.data_name}-cnn.safetensors"
    save_file(state, path)
    record = {
        "name": f"{args.data_name}-cnn-v1",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "architecture": "3x3 conv 32-64-128, batch norm, ReLU, max pool after each; linear "
        f"{EMBEDDING} standardised to unit variance (the features); ReLU, linear (the logits)",
        "embedding": EMBEDDING,
        "input": "grey 28x28 in [0, 1]",
        "classes": about["classes"],
        "test_accuracy": accuracy(net, test_images, test_labels),
        "trained_on": f"{len(images)} training images",
        "data_sha256": content_digest(images, labels),
        "settings": {
            "seed": args.seed,
            "epochs": args.epochs,
            "batch": BATCH,
            "optimiser": f"AdamW {LR} decay {DECAY}, cosine",
            "augmentation": f"shift {SHIFT} pixels" + (", mirror" if about["flip"] else ""),
        },
        "licence": about["licence"],
        "made_by": f"scripts/train_classifier.py {args.data_name}",
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(f"test accuracy {record['test_accuracy']:.4f}")
    print(f"{path.stat().st_size / 1000:.0f} kB, {time.monotonic() - start:.0f} s: {path}")


if __name__ == "__main__":
    main()
