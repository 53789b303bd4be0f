"""Words of a question that say nothing of what it is about, in English, Chinese, Japanese and Korean."""

from functools import cache

import regex

_ENGLISH = """
a about all also an and any are as at be been being but by can could did do does for from had has have how i if in into
is it its me my no not of on or our s should so some such t than that the their them then there these they this those
to us was we were what when where which who whom whose why will with would you your please much many
d don didn doesn isn aren wasn weren ll m re t ve
"""

_CHINESE = """
是什么 为什么 什么 怎么样 怎么 怎样 多少 几个 哪些 哪个 哪里 哪儿 哪一 哪 如何 何时 何地 为何 谁 是否 是不是 吗 呢
是什麼 為什麼 什麼 怎麼樣 怎麼 怎樣 幾個 哪裡 哪兒 何時 為何 誰 嗎 请问 請問 的 了 是 在 被
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
這篇 這個 這本 這些 這份 這段 文檔 檔案 資料 書 內容 主題 重點 要點
總結 簡介 簡要 簡單 簡述 介紹 講述 講 說 寫 談 關於 裡面 一個
帮我 给我 幫我 給我 告诉 告訴 我 请 請 用 对 做 都 有 和 里 裡 中 这 這 下 本
"""

_GENERAL_JAPANESE = """
この これ 文書 文章 資料 ドキュメント ファイル 内容 要約して 要約 概要 まとめて まとめ ください して 主な は の を が に
"""

_HOW_MANY = "有?(?:[几幾][天年月日号號点點岁歲次种種位个個人名所家本张張届條条元块塊]|多[少久长長高大远遠重宽寬深快])"

# A particle is cut out only after a word written in another script: in はな it is a part of the word.
_PARTICLE = r"(?<=[\p{Han}\p{Katakana}ー])(?:から|まで|より|[のはがをにでとも])(?=[\p{Han}\p{Katakana}]|\P{L}|$)"


def blank(question: str, general: bool = False) -> str:
    """The question with a space for each stop word; with `general` also for words that name any document."""
    return _pattern(general).sub(" ", question)


@cache
def _pattern(general: bool) -> regex.Pattern[str]:
    lower = f"{_ENGLISH} {_GENERAL_ENGLISH if general else ''}".split()
    words = lower + [word.capitalize() for word in lower]  # but not US, IT and WHO
    unspaced = f"{_CHINESE} {_JAPANESE} {_KOREAN}"
    if general:
        unspaced += f"{_GENERAL_CHINESE} {_GENERAL_JAPANESE}"
    phrases = sorted(unspaced.split(), key=len, reverse=True)
    return regex.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)|{'|'.join(phrases)}|{_HOW_MANY}|{_PARTICLE}")
