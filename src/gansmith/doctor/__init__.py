"""The doctor: what is wrong with a GAN, on what evidence, why, and what to do.

It speaks in findings (`gansmith.doctor.findings`). Each has a code that stands in `CATALOGUE`, a
text in every language in ``assets/doctor``, and a page in ``docs/doctor``.
"""

from gansmith.doctor.catalogue import CATALOGUE, Disorder
from gansmith.doctor.findings import (
    LANGUAGES,
    Finding,
    Severity,
    as_record,
    examples,
    gravest,
    page,
    texts,
    told,
)

__all__ = [
    "CATALOGUE",
    "LANGUAGES",
    "Disorder",
    "Finding",
    "Severity",
    "as_record",
    "examples",
    "gravest",
    "page",
    "texts",
    "told",
]
