"""Recipes of composed meetings: a layout under a condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lab.meetings.layouts import CONDITIONS, LAYOUTS, RECIPES, Condition, LayoutPlan
from schemas.errors import SettingsError


@dataclass(frozen=True)
class Recipe:
    """A layout under a condition, written `layout` or `layout+condition`."""

    layout: str
    condition: str = "clean"

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Read a recipe; `SettingsError` where layout or condition is not known."""
        layout, _, condition = text.partition("+")
        if layout not in LAYOUTS:
            raise SettingsError(f"There is no layout '{layout}'; known are {', '.join(LAYOUTS)}.")
        if condition and condition not in CONDITIONS:
            raise SettingsError(
                f"There is no condition '{condition}'; known are {', '.join(CONDITIONS)}."
            )
        return cls(layout, condition or "clean")

    @property
    def plan(self) -> LayoutPlan:
        """The layout's plan."""
        return LAYOUTS[self.layout]

    @property
    def how(self) -> Condition:
        """The condition's options."""
        return CONDITIONS[self.condition]

    def name(self, seed: int) -> str:
        """Name the meeting's files."""
        return f"{self.layout}_{self.condition}_{seed}"


def recipes(chosen: Sequence[str]) -> list[Recipe]:
    """Return the recipes that are named; `*` stands for any part of a usual one's name."""
    found: list[str] = []
    for text in chosen or ["*"]:
        fits = [name for name in RECIPES if fnmatchcase(name, text)]
        found += fits if "*" in text else [text]
    return [Recipe.parse(text) for text in dict.fromkeys(found)]
