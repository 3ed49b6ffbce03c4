"""Wrappers: a pointwise transform before an operation and its inverse after it, without rounding between."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

from cases import BY_NAME
from napari_mathimg import Options, apply
from napari_mathimg.contract import types as t
from napari_mathimg.contract.wrapper import wrapper
from napari_mathimg.engine import region
from napari_mathimg.recipe.record import RECORD, record
from planning import cut_into, gray, plan_of, random_boxes, result_of, same


def _back(image: t.Array, gain: float) -> t.Array:
    return ((image / 2) ** 2 - 0.375) * gain


@wrapper("Anscombe transform", inverse=_back)
def anscombe(image: t.Image, /, *, gain: t.Gain = 1.0) -> t.Array:
    """F. J. Anscombe (1948): counts of any mean get noise of standard deviation 1."""
    return 2 * np.sqrt(np.maximum(image / gain + 0.375, 0))


def planned(name, array, gain=2.0, parameters=None, **options):
    return plan_of(BY_NAME[name].declared, array, parameters=parameters, around=anscombe(gain=gain), **options)


def root(x, gain=2.0):
    return 2 * np.sqrt(np.asarray(x, float) / gain + 0.375)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
def test_what_is_between_is_not_rounded(dtype):
    image = np.abs(gray(dtype, (60, 70))).clip(0, 60_000)
    smooth = ndi.gaussian_filter(root(image), 1.5, mode="nearest")
    expected = _back(smooth, 2.0)
    result = result_of(planned("gaussian", image, parameters={"sigma": 1.5}))
    assert result.dtype == image.dtype
    error = np.abs(result - expected) if dtype[0] == "f" else np.abs(result - np.rint(expected))
    assert error.max() <= (1e-6 if dtype != "f8" else 1e-12) * max(expected.max(), 1) + (dtype[0] != "f")
    # float32 errs by 0.01 at 60,000, so that one value in fifty may lie on the other side of a half
    assert np.mean(error > 0.02) < 0.02, "rounding between the steps would change more"


@pytest.mark.parametrize("name", ["gaussian", "median", "denoise_tv_chambolle", "denoise_wavelet", "denoise_nl_means"])
def test_tiles_equal_the_whole_and_read_no_more_than_without_it(name, monkeypatch):
    stack = np.maximum(gray("u2", (2, 41, 37)), 3)
    plan = planned(name, stack)
    assert plan.reach == plan_of(BY_NAME[name].declared, stack).reach
    whole = result_of(plan)
    cut_into(monkeypatch, 13**2, 8)
    plan = pickle.loads(pickle.dumps(planned(name, stack)))
    assert same(result_of(plan), whole)
    for index, box in zip([(0,), (1,)], random_boxes(plan.item, 2), strict=True):
        assert same(region(plan, index, box), whole[index][tuple(slice(*ends) for ends in box)])


def test_an_operation_sees_the_transformed_range_and_its_statistics():
    image = np.maximum(gray("f8"), 0) * 50
    low, high = root(image).min(), root(image).max()
    inside = (root(image) - low) / (high - low)
    expected = _back(inside**2 * (high - low) + low, 2.0)
    np.testing.assert_allclose(result_of(planned("adjust_gamma", image, parameters={"gamma": 2.0})), expected)
    equalized = apply(root(image), "equalize_hist")
    np.testing.assert_allclose(result_of(planned("equalize_hist", image)), _back(equalized, 2.0), atol=1e-9)


def test_a_table_of_gray_levels_gives_the_same():
    plan = planned("adjust_gamma", gray("u1"), parameters={"gamma": 2.0})
    assert plan.tables
    assert np.abs(result_of(plan).astype(int) - result_of(replace(plan, tables={}))).max() <= 1


def test_noise_of_counts_is_removed_alike_at_all_levels():
    """Poisson counts of 10 and 1000: the same weight leaves the same share of the noise."""
    level = np.repeat([[10.0], [1000.0]], 128, 0) * np.ones((1, 256))
    counts = np.random.default_rng(0).poisson(level).astype(np.float32)
    # noise of standard deviation 1 on the transformed values: weight in units of their range
    width = np.ptp(root(counts, 1.0))
    plan = planned("denoise_tv_chambolle", counts, 1.0, {"weight": 2.0 / float(width), "num_iter": 100})
    error = (result_of(plan) - level) / np.sqrt(level)
    left = [error[rows, 16:-16].std() for rows in (slice(16, 112), slice(144, 240))]
    assert left[0] == pytest.approx(left[1], rel=0.25)
    assert max(left) < 0.3


def test_missing_pixels_stay_and_colors_are_wrapped():
    image = np.maximum(gray("f4"), 0)
    image[5, 7] = np.nan
    result = result_of(planned("gaussian", image))
    assert list(zip(*np.nonzero(np.isnan(result)), strict=True)) == [(5, 7)]
    colors = np.dstack([np.maximum(gray("u1"), 1)] * 4)
    wrapped = result_of(planned("gaussian", colors, channel_axis=-1))
    np.testing.assert_array_equal(wrapped[..., 3], colors[..., 3])
    assert same(wrapped[..., 0], result_of(planned("gaussian", np.ascontiguousarray(colors[..., 0]))))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rotate", "moves pixels"), ("flat_field", "computes with a further image"), ("to_gray", "makes one value")],
)
def test_what_cannot_be_wrapped_is_refused(name, reason):
    with pytest.raises(ValueError, match=rf"around=anscombe\(gain=2.0\): must be None for {name}, which {reason}"):
        planned(name, np.ones((20, 20, 3)), channel_axis=-1)


def test_wrong_wrappers_are_refused():
    with pytest.raises(ValueError, match="around='anscombe': must be a wrapper called with its parameters, or None"):
        Options(around="anscombe")
    with pytest.raises(ValueError, match="gain=-1: must be a finite number from 0 to 1000"):
        anscombe(gain=-1)
    with pytest.raises(TypeError, match="its inverse asks for offset, which it cannot get"):
        wrapper("Shift", inverse=lambda image, offset: image)(lambda image: image)
    assert repr(Options(around=anscombe())) == "Options(around=anscombe(gain=1.0))"


def test_a_record_holds_the_wrapper_and_the_values_of_each_index_as_plain_values():
    @dataclass(frozen=True)
    class Source:
        name: str = "cells"
        metadata: Mapping[str, Any] = field(default_factory=lambda: {RECORD: []})
        level: int = 0

    parameters = {"sigma": {"per": 0, "values": [1.0, 2.0]}}
    plan = planned("gaussian", gray("u1", (2, 20, 30)), parameters=parameters, scope={0: (0, 2)})
    (step,) = record(Source(), plan, "everything")[RECORD]
    assert step["options"]["around"] == {"wrapper": "anscombe", "version": 1, "parameters": {"gain": 2.0}}
    assert step["options"]["scope"] == {0: (0, 2)}
    assert step["given"]["sigma"] == {"per": 0, "values": (1.0, 2.0)}
    assert step["parameters"]["sigma"] == {"per": 0, "values": ((1.0, 1.0), (2.0, 2.0))}
    assert (step["dtype"], step["proportional"]) == ("uint8", False)
    assert json.loads(json.dumps(step))["given"]["sigma"] == parameters["sigma"]
