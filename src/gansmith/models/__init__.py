"""Nets: one file per family, and generators on disk."""

from gansmith.models.pretrained import Generator, Spec, to_uint8
from gansmith.models.registry import MODELS, build

__all__ = ["MODELS", "Generator", "Spec", "build", "to_uint8"]
