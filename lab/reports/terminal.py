"""Figures as lines for a terminal."""

from collections.abc import Mapping
from typing import Any

from lab.reports.tables import abstention_in_words

_ASIDE = frozenset({"conditions", "uar_drops", "no_voice", "warnings"})
"""What is told after the figures."""


def to_text(figures: Mapping[str, Any]) -> str:
    """The figures as lines to read, one block per protocol where there are several."""
    if "n" in figures:
        blocks = [_block(figures)]
    else:
        told = {name: found for name, found in figures.items() if name not in _ASIDE}
        blocks = [f"{name}\n{_block(found)}" for name, found in told.items()]
    if "conditions" in figures:
        lines = [
            f"{name}: uar {found['uar']:.3f}, drop {figures['uar_drops'][name]:.3f}, "
            f"ece {found['ece']:.3f}"
            for name, found in figures["conditions"].items()
        ]
        blocks.append("\n".join(["in a meeting's conditions", *lines]))
    if "no_voice" in figures:
        blocks.append(abstention_in_words(figures["no_voice"]))
    return "\n\n".join(blocks)


def _block(figures: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            f"n {figures['n']}" + _note(figures),
            *_rates(figures),
            *(f"recall {name} {value:.3f}" for name, value in figures["recall"].items()),
            f"ece {figures['ece']:.3f}",
            f"accuracy at 50 % coverage {figures['accuracy_at_half_coverage']:.3f}",
            f"aurc {figures['aurc']:.3f}",
        ]
    )


def _rates(figures: Mapping[str, Any]) -> list[str]:
    mean, deviation = figures.get("mean", {}), figures.get("deviation", {})
    lines = [
        f"{name} {figures[name]:.3f}"
        + (f" (folds: {mean[name]:.3f} ± {deviation[name]:.3f})" if name in deviation else "")
        for name in ("accuracy", "uar", "macro_f1", "weighted_f1")
    ]
    several = figures.get("multi_label_macro_f1")
    return lines if several is None else [*lines, f"multi_label_macro_f1 {several:.3f}"]


def _note(figures: Mapping[str, Any]) -> str:
    count = figures.get("not_judged", 0)
    return f" ({count} more had nothing to judge)" if count else ""
