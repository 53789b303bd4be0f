"""The arithmetic of the memory estimate."""

import pytest

from qwen_ui.errors import InvalidInput, ModelError, ModelTooLarge
from qwen_ui.models.catalog import CATALOG
from qwen_ui.models.estimate import Size, estimate, weight_bytes
from qwen_ui.models.hardware import Device
from qwen_ui.models.machine import ALL, UNPACKED, Machine, place, settle, wanted
from qwen_ui.settings import Settings

GB = 10**9
SEVEN = CATALOG[0].size
PLENTY = Device("cpu", "cpu", 500 * GB)


def machine(*devices: Device, packing="4bit", packings=ALL, smaller=()) -> Machine:
    def unused(*_: object):
        raise AssertionError

    return Machine(devices, packing, packings, unused, unused, smaller)


def test_weights_by_precision():
    size = Size(linear=64 * 256 * 100, other=1000, largest=500, kv_values=8, vocab=10, context=100)
    linear = size.linear
    assert weight_bytes(size, "fp32", PLENTY) == 4 * (linear + 1000)
    assert weight_bytes(size, "bf16", PLENTY) == 2 * (linear + 1000)
    assert weight_bytes(size, "8bit", PLENTY) == linear + 2000
    assert weight_bytes(size, "4bit", PLENTY) == linear // 2 + linear // 64 + 100 * 4 + 2000


def test_where_there_is_no_bf16_what_is_not_packed_takes_twice_the_memory():
    old = Device("cuda", "T4", 500 * GB, bf16=False)
    assert weight_bytes(SEVEN, "4bit", old) - weight_bytes(SEVEN, "4bit", PLENTY) == 2 * SEVEN.other
    assert estimate(SEVEN, "4bit", old, Settings()).kv_bytes_per_token == 28 * 4 * 128 * 2 * 4
    assert weight_bytes(SEVEN, "bf16", old) == weight_bytes(SEVEN, "bf16", PLENTY)  # asked for, so it stays


def test_the_cache_of_the_7b_model_is_as_its_shape_says():
    # 28 layers, 4 key-value heads of 128 numbers, keys and values, 2 bytes each.
    assert estimate(SEVEN, "4bit", PLENTY, Settings()).kv_bytes_per_token == 28 * 4 * 128 * 2 * 2
    assert estimate(SEVEN, "fp32", PLENTY, Settings()).kv_bytes_per_token == 28 * 4 * 128 * 2 * 4


def test_the_cache_grows_with_the_requests_and_holds_a_whole_context():
    assert estimate(SEVEN, "4bit", PLENTY, Settings(max_concurrent=16)).cache_tokens == 16 * 2048
    assert estimate(SEVEN, "4bit", PLENTY, Settings(max_concurrent=1)).cache_tokens == 8192
    assert estimate(SEVEN, "4bit", PLENTY, Settings(max_concurrent=1, max_context=100_000)).cache_tokens == 32_768


def test_where_memory_is_short_the_cache_is_smaller_but_never_below_one_context():
    whole = estimate(SEVEN, "4bit", PLENTY, Settings())
    short = estimate(SEVEN, "4bit", Device("cpu", "cpu", whole.total - GB), Settings())
    assert short.fits
    assert 8192 <= short.cache_tokens < whole.cache_tokens
    too_short = estimate(SEVEN, "4bit", Device("cpu", "cpu", 5 * GB), Settings())
    assert not too_short.fits
    assert too_short.cache_tokens == 8192


def test_the_line_for_the_log_adds_up():
    needs = estimate(SEVEN, "4bit", Device("cuda", "GPU", 24 * GB), Settings())
    assert needs.total == needs.weights + needs.cache + needs.adapters + needs.headroom
    assert str(needs).startswith("weights 5.5 GB + cache 1.9 GB (32,768 tokens) + adapters 0.6 GB + headroom ")
    assert str(needs).endswith(f"= {needs.total / GB:.1f} GB of 24.0 GB free")


def test_a_model_goes_where_it_fits_first():
    small, large = Device("cuda", "small GPU", 2 * GB), Device("cpu", "cpu", 64 * GB)
    assert place("m", SEVEN, machine(small, large), Settings())[0] is large
    assert place("m", CATALOG[-1].size, machine(Device("cuda", "GPU", 8 * GB), large), Settings())[0].kind == "cuda"


def test_what_is_too_large_is_refused_with_numbers_and_fewer_bits():
    with pytest.raises(ModelTooLarge, match=r"weights 15\.2 GB.* of 10\.0 GB free.*--precision 4bit \(\d"):
        place("m", SEVEN, machine(Device("cpu", "cpu", 10 * GB), packing="bf16"), Settings())


def test_what_is_too_large_with_a_long_context_is_refused_with_a_shorter_one():
    settings = Settings(max_context=32_768, max_concurrent=1)
    needs = estimate(SEVEN, "4bit", PLENTY, settings)
    with pytest.raises(ModelTooLarge, match=r"\(32,768 tokens\).*Try --max-context 2048\."):
        place("m", SEVEN, machine(Device("cpu", "cpu", needs.total - GB)), settings)


def test_what_is_too_large_in_any_precision_is_refused_with_a_smaller_model():
    with pytest.raises(ModelTooLarge, match=r"--model Qwen/Qwen2\.5-0\.5B-Instruct in 4bit \(\d"):
        place("m", SEVEN, machine(Device("cpu", "cpu", 4 * GB)), Settings())


def test_where_nothing_fits_the_embedded_model_is_named():
    with pytest.raises(ModelTooLarge, match="--model embedded"):
        place("m", SEVEN, machine(Device("cpu", "cpu", GB // 2)), Settings())


def test_auto_is_what_the_machine_is_quick_in_and_4bit_is_refused_without_bitsandbytes():
    assert wanted(Settings(), ALL, "4bit") == "4bit"
    assert wanted(Settings(), ALL, "fp32") == "fp32"
    assert wanted(Settings(precision="bf16"), UNPACKED, "fp32") == "bf16"
    with pytest.raises(InvalidInput, match=r"bitsandbytes.*--precision bf16"):
        wanted(Settings(precision="4bit"), UNPACKED, "bf16")


def test_files_that_are_packed_decide_the_precision():
    assert settle(Settings(), machine(PLENTY), "8bit", "m", SEVEN) == "8bit"
    assert settle(Settings(precision="8bit"), machine(PLENTY), "8bit", "m", SEVEN) == "8bit"
    assert settle(Settings(precision="bf16"), machine(PLENTY, packing="bf16"), None, "m", SEVEN) == "bf16"
    with pytest.raises(InvalidInput, match="packed in 4bit already"):
        settle(Settings(precision="bf16"), machine(PLENTY), "4bit", "m", SEVEN)
    with pytest.raises(ModelError, match="bitsandbytes"):
        settle(Settings(), machine(PLENTY, packings=UNPACKED), "4bit", "m", SEVEN)


def test_what_does_not_fit_is_taken_in_fewer_bits_where_none_were_asked_for():
    slow = {"packing": "fp32", "smaller": ("bf16", "4bit")}
    for memory, packing in ((500, "fp32"), (25, "bf16"), (12, "4bit"), (1, "fp32")):  # the last one is told of
        device = Device("cpu", "cpu", memory * GB)
        assert settle(Settings(max_concurrent=1), machine(device, **slow), None, "m", SEVEN) == packing
