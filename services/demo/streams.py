"""Random streams, one per purpose, so that adding one thing to the county does not shift another."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


def stream(seed: int, purpose: str, number: int = 0) -> Random:
    """Return the random stream of one purpose (and of one person, account or week by `number`)."""
    return Random(f"{seed}/{purpose}/{number}")


def shared_out(shares: Mapping[Choice, float], total: int) -> list[Choice]:
    """Return `total` choices in exactly these shares (largest remainder), in the order of the mapping."""
    whole = sum(shares.values())
    exact = {choice: total * share / whole for choice, share in shares.items()}
    counts = {choice: int(value) for choice, value in exact.items()}
    missing = total - sum(counts.values())
    for choice in sorted(exact, key=lambda choice: counts[choice] - exact[choice])[:missing]:
        counts[choice] += 1
    return [choice for choice, count in counts.items() for _ in range(count)]


def shuffled(random: Random, values: Sequence[Choice]) -> list[Choice]:
    """Return the values in a random order."""
    mixed = list(values)
    random.shuffle(mixed)
    return mixed


def weighted(random: Random, weights: Mapping[Choice, float]) -> Choice:
    """Return one choice, drawn by its weight."""
    return random.choices(list(weights), weights=list(weights.values()))[0]
