"""Numbers as pictures: a pixel a number, in colours whose lightness alone tells low from high."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SCALE = np.array([[24, 28, 84], [64, 67, 196], [126, 87, 222], [229, 96, 141], [250, 163, 86], [252, 236, 146]])
"""Colours from low to high, evenly spaced: ever lighter, so that those who tell no colours apart read them as well."""
GRADIENT = ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in SCALE)
"""The same for CSS."""

Matrix = NDArray[np.floating]


def heat(values: Matrix, most: int = 512) -> str:
    """The matrix as a PNG in a data address, the first row on top: 0 is the darkest, 1 the lightest colour.

    What is no number is left clear. Sides longer than ``most`` are made shorter, each pixel the largest of its numbers.
    """
    values = shrunk(np.asarray(values, dtype=np.float64), most)
    known = np.isfinite(values)
    place = np.clip(np.where(known, values, 0), 0, 1)
    red, green, blue = (np.interp(place, np.linspace(0, 1, len(SCALE)), SCALE[:, part]) for part in range(3))
    pixels = np.stack([red, green, blue, np.where(known, 255, 0)], axis=-1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def shrunk(values: Matrix, most: int) -> Matrix:
    """The matrix with sides of at most so many numbers: each the largest of those that it stands for."""
    for axis in range(2):
        length = values.shape[axis]
        if length > most:
            starts = np.unique(np.linspace(0, length, most, endpoint=False).astype(int))
            values = np.fmax.reduceat(values, starts, axis=axis)
    return values


def between(values: Matrix) -> tuple[Matrix, float, float]:
    """The values' places between their lowest and their highest, on a logarithmic scale; and these two.

    Only what is above 0 has a place; the others become NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values) & (values > 0)
    if not known.any():
        return np.full(values.shape, np.nan), 0.0, 0.0
    low, high = float(values[known].min()), float(values[known].max())
    width = max(float(np.log(high) - np.log(low)), 1e-9)
    return np.where(known, (np.log(np.where(known, values, low)) - np.log(low)) / width, np.nan), low, high
