"""The data as far as they can be judged before a step, and what is done to them."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from gansmith.doctor.findings import Finding, Value, Values
from gansmith.doctor.lint.patient import Patient, brief
from gansmith.recipes.automatic import antisymmetric, mirror_accuracy
from gansmith.tasks import TASKS

AUGMENTED_LEAST, PLAIN_LEAST = 100, 1_000
MUCH = 100_000
STRONG = ("color", "cutout", "all")
PER_CLASS = 20
SAMPLE_LEAST = 64  # images, for a share of them to mean something
SAME_MOST, FLAT_MOST = 0.02, 0.02
LEVELS = 255
SPAN_LEAST = 32  # of 255
SIDES_APART = 4  # times the shorter side, of the larger of two pictures
MIRRORED = 0.65  # share told from their mirror images, of half the sample


def too_few_samples(patient: Patient) -> Iterator[Finding]:
    """D learns few samples by heart. Karras et al. 2020b, section 2; Zhao et al. 2020."""
    augmented = patient.cfg.augment.policy not in ("none", "auto")
    least = AUGMENTED_LEAST if augmented or not patient.game else PLAIN_LEAST
    if patient.images and patient.info.fewest < least:
        values: Values = {
            "count": patient.info.fewest,
            "least": least,
            "policy": patient.cfg.augment.policy,
        }
        yield Finding("GS401", values, where=patient.info.source)


def unlike_sides(patient: Patient) -> Iterator[Finding]:
    """Two sides that differ in more than what one is to learn of the other.

    Both are taken at the smaller one's size: of the larger one things are then learned as they are
    when made so much smaller (Chai et al. 2022, section 1). Without pairs, what is grey is given
    colours that nothing but D asks for (Torralba and Efros 2011 on what tells data sets apart).
    """
    if len(patient.own_sides) != 2:
        return
    (_, *given), (_, *wanted) = patient.own_sides
    small, large = sorted((min(given[1:]), min(wanted[1:])))
    values: dict[str, Value] = {}
    if large >= SIDES_APART * small and small <= min(patient.info.shape[1:]):
        values |= {"given": _size(given), "wanted": _size(wanted), "ratio": brief(large / small)}
    if given[0] != wanted[0] and TASKS[patient.cfg.task].sides == "unpaired":
        values |= {"given_channels": given[0], "wanted_channels": wanted[0]}
    if values:
        yield Finding("GS409", values, where=patient.info.source, certainty=0.7)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[2]}"


def one_class(patient: Patient) -> Iterator[Finding]:
    """Classes are asked for, and there is one."""
    if patient.cfg.model.conditional and len(patient.info.classes) == 1:
        values: Values = {"classes": 1, "name": patient.info.classes[0]}
        yield Finding("GS402", values, where=patient.info.source)


def unlabelled(patient: Patient) -> Iterator[Finding]:
    """Classes are asked for, and there are none. Mirza and Osindero 2014."""
    if patient.cfg.model.conditional and not patient.info.classes:
        values: Values = {"classes": 0, "source": patient.info.source}
        yield Finding("GS406", values, where="model.conditional")


def few_of_a_class(patient: Patient) -> Iterator[Finding]:
    """A class of a few images is learned by heart. Shahbazi et al. 2022."""
    classes = len(patient.info.classes)
    if not patient.cfg.model.conditional or classes < 2 or not patient.images:
        return
    each = patient.info.count / classes
    if each < PER_CLASS:
        values: Values = {
            "count": patient.info.count,
            "classes": classes,
            "each": each,
            "least": PER_CLASS,
        }
        yield Finding("GS408", values, where=patient.info.source)
        return
    if not patient.per_class or (fewest := min(patient.per_class)) >= PER_CLASS:
        return
    values = {
        "name": patient.info.classes[patient.per_class.index(fewest)],
        "fewest": fewest,
        "least": PER_CLASS,
    }
    yield Finding("GS408", values, where=patient.info.source)


def batch_larger_than_data(patient: Patient) -> Iterator[Finding]:
    """A batch is drawn without repeating a sample."""
    batch, count = int(patient.cfg.batch), patient.info.count
    if batch > count:
        yield Finding("GS407", {"batch": batch, "count": count}, where="batch")


def _enough(patient: Patient) -> Tensor | None:
    """The images that were looked at, uint8 NCHW; None where a share of them would say little."""
    images = patient.images_NCHW
    return images if images is not None and len(images) >= SAMPLE_LEAST else None


def _flat(images_NCHW: Tensor) -> Tensor:
    """Which images, bool (N,), are of one colour."""
    flat = images_NCHW.flatten(2)
    return (flat.amax(2) == flat.amin(2)).all(1)


def duplicates(patient: Patient) -> Iterator[Finding]:
    """What is there twice is learned twice as much. Carlini et al. 2023."""
    images = _enough(patient)
    if images is None:
        return
    drawn = [image.tobytes() for image in images[~_flat(images)].numpy()]
    same = (len(drawn) - len(set(drawn))) / len(images)  # one grey twice is GS404's matter
    if same > SAME_MOST:
        values: Values = {"looked_at": len(images), "share": same}
        yield Finding("GS403", values, where=patient.info.source)


def constant_images(patient: Patient) -> Iterator[Finding]:
    """Images of one colour: broken files, empty tiles, lost channels."""
    images = _enough(patient)
    if images is None:
        return
    share = float(_flat(images).double().mean())
    if share > FLAT_MOST:
        values: Values = {"looked_at": len(images), "share": share}
        yield Finding("GS404", values, where=patient.info.source)


def range_of_data(patient: Patient) -> Iterator[Finding]:
    """Pixels that use a corner of their range, such as masks of 0 and 1 stored in bytes."""
    images = _enough(patient)
    if images is None:
        return
    low, high = int(images.min()), int(images.max())
    if 0 < high - low < SPAN_LEAST:
        values: Values = {"low": low, "high": high, "levels": LEVELS}
        yield Finding("GS405", values, where=patient.info.source)


def strong_augmentation(patient: Patient) -> Iterator[Finding]:
    """It helps where data are few, and costs where they are not. Karras et al. 2020b, section 4."""
    policy, count = patient.cfg.augment.policy, patient.info.count
    if patient.game and policy in STRONG and count >= MUCH:
        values: Values = {"policy": policy, "count": count, "least": MUCH}
        yield Finding("GS227", values, where="augment.policy", certainty=0.7)


def augmented_points(patient: Patient) -> Iterator[Finding]:
    """Points are not images."""
    augment = patient.cfg.augment
    if patient.images:
        return
    for key, used in (("flip", augment.flip is True), ("policy", augment.policy not in NOT_USED)):
        if used:
            values: Values = {"source": patient.info.source, "setting": f"augment.{key}"}
            yield Finding("GS216", values, where=f"augment.{key}")


NOT_USED = ("none", "auto")


def flips_what_has_sides(patient: Patient) -> Iterator[Finding]:
    """Mirror images of letters and digits are no letters. `recipes.automatic.mirror_accuracy`."""
    images = patient.images_NCHW
    if patient.cfg.augment.flip is not True or images is None:
        return
    if len(images) < 4 * SAMPLE_LEAST or images.shape[3] % 2:
        return
    grey_NHW = images.to(torch.float32).mean(1).numpy()
    accuracy = mirror_accuracy(antisymmetric(grey_NHW))
    if accuracy > MIRRORED:
        values: Values = {"share": accuracy, "looked_at": len(images)}
        yield Finding("GS228", values, where="augment.flip")
