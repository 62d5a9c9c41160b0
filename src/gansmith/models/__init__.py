"""Nets: one file per family, what they are made of, and generators on disk."""

from gansmith.models.activations import ACTIVATIONS, OUTPUTS, range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.critic import Critic, ties_samples
from gansmith.models.normalisation import NORMS
from gansmith.models.pretrained import NO_SAMPLES, Completer, Generator, Translator
from gansmith.models.priors import PRIORS
from gansmith.models.registry import (
    MODELS,
    Family,
    build,
    check_fit,
    critic,
    generator,
    styled,
)
from gansmith.models.spec import Spec, to_uint8

__all__ = [
    "ACTIVATIONS",
    "MODELS",
    "NORMS",
    "NO_SAMPLES",
    "OUTPUTS",
    "PRIORS",
    "Blueprint",
    "Completer",
    "Critic",
    "Family",
    "Generator",
    "Spec",
    "Style",
    "Translator",
    "build",
    "check_fit",
    "critic",
    "generator",
    "range_of",
    "styled",
    "ties_samples",
    "to_uint8",
]
