"""Nets: one file per family, what they are made of, and generators on disk."""

from gansmith.models.activations import ACTIVATIONS, OUTPUTS, range_of
from gansmith.models.blueprint import Blueprint, Style
from gansmith.models.critic import Critic, ties_samples
from gansmith.models.normalisation import NORMS
from gansmith.models.pretrained import Completer, Generator, Spec, to_uint8
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

__all__ = [
    "ACTIVATIONS",
    "MODELS",
    "NORMS",
    "OUTPUTS",
    "PRIORS",
    "Blueprint",
    "Completer",
    "Critic",
    "Family",
    "Generator",
    "Spec",
    "Style",
    "build",
    "check_fit",
    "critic",
    "generator",
    "range_of",
    "styled",
    "ties_samples",
    "to_uint8",
]
