"""Words of a question that say nothing of what it is about, in English, Chinese, Japanese and Korean."""

from functools import cache

import regex

from qwen_ui.knowledge import forms

_ENGLISH = """
a about all also an and any are as at be been being but by can could did do does for from had has have how i if in into
is it its me my no not of on or our s should so some such t than that the their them then there these they this those
to us was we were what when where which who whom whose why will with would you your please much many
d don didn doesn isn aren wasn weren ll m re t ve
"""

_CHINESE = """
是什么 为什么 什么 怎么样 怎么 怎样 多少 几个 哪些 哪个 哪里 哪儿 哪一 哪 如何 何时 何地 为何 谁 是否 是不是 吗 呢
请问 的 了 是 在 被
"""

_JAPANESE = """
とは何ですか とは何でしょうか とはなんですか とは何 ですか でしょうか ますか ましたか について 教えてください 教えて
どうして どのように どのような どんな どの どこ いつ だれ 誰 なぜ どう いくつ いくら 何
"""

_KOREAN = "무엇입니까 무엇인가요 무엇 누구 언제 어디 어떻게 얼마나 얼마 입니까 인가요 습니까 무슨 어떤"

_GENERAL_ENGLISH = """
document documents doc docs text texts file files passage passages article articles paper papers book books page pages
pdf report material content contents subject topic topics theme main key point points idea ideas gist overview summary
summaries summarize summarise summarized outline describe description explain tell give say says talk talks cover covers
write short brief briefly quick whole entire general here
"""

_GENERAL_CHINESE = """
这篇 这个 这本 这些 这份 这段 该 本文 全文 文中 文档 文件 文章 资料 材料 书 段落 内容 主题 主要 主旨 重点 要点 中心 思想
总结 概括 概述 概要 摘要 大意 大概 简介 简要 简单 简述 介绍 讲述 讲 说 写 谈 关于 里面 一下 一个 几句话 一句话
档案 帮我 给我 告诉 我 请 用 对 做 都 有 和 里 中 这 下 本
"""

_GENERAL_JAPANESE = """
この これ 文書 文章 資料 ドキュメント ファイル 内容 要約して 要約 概要 まとめて まとめ ください して 主な は の を が に
"""

_HOW_MANY = "有?(?:几[天年月日号点岁次种位个人名所家本张届条元块]|多[少久长高大远重宽深快])"

_TIES = r"\-\u2010-\u2015\uff0d_./"
"""Marks that make a letter part of a number, as in A-1234."""

# A particle is cut out only after a word written in another script: in はな it is a part of the word.
_PARTICLE = r"(?<=[\p{Han}\p{Katakana}ー])(?:から|まで|より|[のはがをにでとも])(?=[\p{Han}\p{Katakana}]|\P{L}|$)"


def blank(question: str, general: bool = False) -> str:
    """The question with a space for each stop word; with `general` also for words that name any document.

    Its Chinese characters are simplified.
    """
    return _pattern(general).sub(" ", forms.han(question))


@cache
def _pattern(general: bool) -> regex.Pattern[str]:
    lower = f"{_ENGLISH} {_GENERAL_ENGLISH if general else ''}".split()
    words = lower + [word.capitalize() for word in lower]  # but not US, IT and WHO
    unspaced = f"{_CHINESE} {_JAPANESE} {_KOREAN}"
    if general:
        unspaced += f"{_GENERAL_CHINESE} {_GENERAL_JAPANESE}"
    phrases = sorted(forms.han(unspaced).split(), key=len, reverse=True)
    alone = rf"(?<!\w|\d[{_TIES}])(?:{'|'.join(words)})(?!\w|[{_TIES}]\d)"
    return regex.compile(rf"{alone}|{'|'.join(phrases)}|{_HOW_MANY}|{_PARTICLE}")
