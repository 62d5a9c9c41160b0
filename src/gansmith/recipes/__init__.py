"""Named, complete configurations, and the rules that decide what reads ``auto``."""

from gansmith.recipes.automatic import Facts, Reason, resolve
from gansmith.recipes.table import RECIPES, Recipe, recipe

__all__ = ["RECIPES", "Facts", "Reason", "Recipe", "recipe", "resolve"]
