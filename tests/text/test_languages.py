"""Languages: their names in every language, how they are written, and finding them."""

import pytest
import regex

from qwen_ui.errors import InvalidInput
from qwen_ui.text.languages import LANGUAGES, find


def test_languages_are_found_by_code_and_by_name_in_any_script():
    assert find("french") is find("Français") is find(" FR ") is find("法语")
    assert find("中文") is find("zh") is find("zh_cn") is find("Chinese") is find("zh-CN")
    assert find("zh-Hant") is find("繁體中文") is find("繁体中文") is find("Traditional Chinese")
    assert len({language.code for language in LANGUAGES}) == len(LANGUAGES) >= 30
    with pytest.raises(InvalidInput, match="no language 'Klingon' here"):
        find("Klingon")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("pt-BR|pt_br|por|português do Brasil|Portuguese (Brazil)|Brazilian Portuguese|巴西葡萄牙语", "pt"),
        ("zh-TW|zh-Hant-HK|zh_HK|zh-MO|繁體中文|繁体|Chinese (Traditional)|Chinese (Hong Kong)", "zh-TW"),
        ("zh|zh-SG|zh-Hans-CN|zho|chi|cmn|zh-cmn-Hans|Mandarin|简体", "zh-CN"),
        ("en_US|en-us|en_US.UTF-8|en-GB-oxendict|eng|British English|英文", "en"),
        ("fr-FR|fra|fre|Français (Canada)|francais|法文", "fr"),
        ("de-DE-1996|de@euro|deu|ger|Deutsch|  DEUTSCH  |德文|德語", "de"),
        ("nb|nn-NO|no-NO|nob|bokmål", "no"),
        ("fil|tgl|tl-PH", "tl"),
        ("iw|heb|he-IL", "he"),
        ("es-419|Espanol|castellano", "es"),
    ],
)
def test_languages_are_found_by_tag_or_by_the_nearest(names, code):
    assert {name: find(name).code for name in names.split("|")} == dict.fromkeys(names.split("|"), code)


def test_an_unknown_language_brings_the_close_ones():
    with pytest.raises(InvalidInput, match="no language 'Frnech' here"):
        find("Frnech")
    for unknown in ("", "xx-YY", "zzz", "-", "@", "a" * 100_000):
        with pytest.raises(InvalidInput, match="no language"):
            find(unknown)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_every_language_has_names_and_a_script(language):
    names = [language.name, language.own_name, language.name_in("zh")]
    assert all(find(name) is find(name.upper()) is language for name in names)
    assert names[0][0].isupper() and names[0].isascii()
    assert not names[1][0].islower()
    assert regex.fullmatch(r"[\p{Han}（）]+", names[2])
    assert regex.search(rf"\p{{{language.script}}}", language.own_name) or language.code == "ja"


@pytest.mark.parametrize(
    ("code", "names", "script", "right_to_left", "spaced"),
    [
        ("zh-CN", ("Chinese (Simplified)", "简体中文", "简体中文"), "Hani", False, False),
        ("zh-TW", ("Chinese (Traditional)", "繁體中文", "繁体中文"), "Hani", False, False),
        ("ja", ("Japanese", "日本語", "日语"), "Hira", False, False),
        ("ko", ("Korean", "한국어", "韩语"), "Hang", False, True),
        ("es", ("Spanish", "Español", "西班牙语"), "Latn", False, True),
        ("ru", ("Russian", "Русский", "俄语"), "Cyrl", False, True),
        ("fa", ("Persian", "فارسی", "波斯语"), "Arab", True, True),
        ("th", ("Thai", "ไทย", "泰语"), "Thai", False, False),
        ("tl", ("Filipino", "Filipino", "菲律宾语"), "Latn", False, True),
    ],
)
def test_what_is_known_of_a_language(code, names, script, right_to_left, spaced):
    language = find(code)
    assert (language.name, language.own_name, language.name_in("zh_Hans_CN")) == names
    assert (language.script, language.right_to_left, language.spaced) == (script, right_to_left, spaced)
