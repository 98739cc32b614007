"""Recipes: named operations with parameters, checked whole before anything moves."""

from labctl.recipes._file import RecipeFile, check_recipe, read_operations, recipe_json_schema
from labctl.recipes._recipe import Operation, Recipe
from labctl.recipes._schema import LimitedBy, OnUnknown, OperationSchema

__all__ = [
    "LimitedBy",
    "OnUnknown",
    "Operation",
    "OperationSchema",
    "Recipe",
    "RecipeFile",
    "check_recipe",
    "read_operations",
    "recipe_json_schema",
]
