"""Recipes: named operations with parameters, checked whole before anything moves."""

from labctl.recipes._file import OperationEntry, RecipeFile, check_recipe, read_operations, recipe_json_schema
from labctl.recipes._recipe import Operation, Recipe
from labctl.recipes._schema import LimitedBy, OnUnknown, OperationSchema
from labctl.recipes._timing import Timing

__all__ = [
    "LimitedBy",
    "OnUnknown",
    "Operation",
    "OperationEntry",
    "OperationSchema",
    "Recipe",
    "RecipeFile",
    "Timing",
    "check_recipe",
    "read_operations",
    "recipe_json_schema",
]
