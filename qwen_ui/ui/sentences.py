"""What goes wrong, in Chinese: the errors' English sentences are looked up here when they are shown on the page.

The code that raises them knows no languages; a test compares this table with its sentences, so that none is missed.
"""

import re
from collections.abc import Mapping

CHINESE: Mapping[str, str] = {
    # engine, host, limits
    "{count} requests are waiting already. Try again in a minute.": "已有 {count} 个请求在排队。请一分钟后再试。",
    "The model's batch loop has stopped. It is being restarted: try again.": (
        "模型的生成循环已中断，正在重新启动，请重试。"
    ),
    "The model could not go on with this answer ({error}). Try again.": "模型无法继续这个回答（{error}）。请重试。",
    "The model does not generate: {error}.": "模型无法生成：{error}。",
    "The server is shutting down.": "服务器正在关闭。",
    "The server is shutting down. Try again in a minute.": "服务器正在关闭。请一分钟后再试。",
    "The model is still being prepared. Try again when the page says that it is ready.": (
        "模型仍在准备中。请等页面显示就绪后再试。"
    ),
    "There is no model to answer with. {error}": "没有可用的模型。{error}",
    "Prompt {number} is longer than the context of {limit} tokens. Shorten it.": (
        "第 {number} 条提示词超出了 {limit} 个 token 的上下文。请缩短。"
    ),
    "{count} new tokens leave no room for a prompt in a context of {limit}. Ask for fewer new tokens.": (
        "上下文只有 {limit} 个 token，生成 {count} 个新 token 就放不下提示词了。请调低新 token 数。"
    ),
    "The message is empty. Write something first.": "消息是空的。请先写点内容。",
    "The message is empty. Write something.": "消息是空的。请写点内容。",
    "The text has {count} characters, far more than the context of {limit} tokens holds. Shorten it.": (
        "文字有 {count} 个字符，远远超出 {limit} 个 token 的上下文。请缩短。"
    ),
    "The text is {count} tokens long, and {room} fit beside the new tokens asked for (context {limit}). Shorten it by "
    "about {size} tokens, or ask for fewer new tokens.": (
        "文字有 {count} 个 token，除去新 token 后只放得下 {room} 个（上下文 {limit}）。"
        "请缩短约 {size} 个 token，或调低新 token 数。"
    ),
    "The model's chat template refuses this conversation: {error}": "模型的对话模板不接受这段对话：{error}",
    "{limit} of your requests are running. Wait until one has ended, or stop one.": (
        "您有 {limit} 个请求正在运行。请等其中一个结束，或停止一个。"
    ),
    "{limit} requests a minute are possible here. Try again in {error}.": (
        "这里每分钟最多 {limit} 个请求。请在 {error}后再试。"
    ),
    "You have used up the {limit} tokens that an hour has here. Try again in {error}.": (
        "您已用完一小时内的 {limit} 个 token。请在 {error}后再试。"
    ),
    "{count} s": "{count} 秒",
    "{count} minutes": "{count} 分钟",
    # values
    "{name} must be a number from {low} to {high}, not {value}.": (
        "{name} 必须是 {low} 到 {high} 之间的数，而不是 {value}。"
    ),
    "{name} must be a whole number, not {value}.": "{name} 必须是整数，而不是 {value}。",
    "Top-p must be above 0. For the most likely token every time, set temperature to 0.": (
        "Top-p 必须大于 0。如果想总取最可能的词，请把温度设为 0。"
    ),
    "Stop strings must be up to {count} non-empty texts.": "停止词最多 {count} 个，且不能为空。",
    "The text is not valid Unicode at character {number}. Remove that character and send again.": (
        "文字的第 {number} 个字符不是有效的 Unicode。请删去后再发送。"
    ),
    # documents
    "{file} is not of a kind that can be read. Give one of {kinds}.": "{file} 的类型无法读取。支持：{kinds}。",
    "{file} is empty.": "{file} 是空的。",
    "{file} can't be read: its reader broke down over it, or ran out of memory.": (
        "{file} 无法读取：解析时出错，或内存不足。"
    ),
    "{file} is larger than the {limit} MB that are allowed.": "{file} 超过了 {limit} MB 的上限。",
    "{file} can't be opened: {error}.": "{file} 无法打开：{error}。",
    "{file} takes longer to read than the {limit} seconds that are allowed.": "{file} 读取超过了 {limit} 秒的上限。",
    "{file} gives {count} passages; you have {held}, and a visitor may keep {limit}. Remove some first.": (
        "{file} 有 {count} 个段落；您已有 {held} 个，每位访客最多保存 {limit} 个。请先移除一些。"
    ),
    "{file} finds no room: visitors' documents fill it at present. Try again later.": (
        "{file} 放不下：访客文档的空间目前已满。请稍后再试。"
    ),
    "{file} gives {count} passages, and 1 to {limit} are allowed.": "{file} 有 {count} 个段落，允许 1 到 {limit} 个。",
    "{file} holds no text. It may be a scan: run text recognition on it first.": (
        "{file} 里没有文字，可能是扫描件：请先做文字识别。"
    ),
    "{file} is not text.": "{file} 不是文本。",
    "{file} is not text, or in an encoding that is not known. Save it as UTF-8.": (
        "{file} 不是文本，或编码无法识别。请另存为 UTF-8。"
    ),
    "{file} is protected with a password, or in the format of Office before 2007. Save it anew without.": (
        "{file} 有密码保护，或是 Office 2007 之前的格式。请去掉密码，另存为新格式。"
    ),
    "{file} unpacks to more than is allowed.": "{file} 解压后超过了上限。",
    "{file} is protected with a password. Save it without one.": "{file} 有密码保护。请去掉密码后再保存。",
    "{file} has {count} pages, more than the {limit} that are allowed.": (
        "{file} 有 {count} 页，超过了 {limit} 页的上限。"
    ),
    "{file} is damaged, or not what its ending says.": "{file} 已损坏，或内容与扩展名不符。",
    "{file} is damaged, or not a PDF.": "{file} 已损坏，或不是 PDF。",
    "{file} is in this collection already, as {name}.": "{file} 已在该集合中，名为 {name}。",
    "{file}: It can't be saved in {folder} ({error}). Free space there, or allow writing to it.": (
        "{file}：无法保存到 {folder}（{error}）。请腾出空间，或允许写入。"
    ),
    "It can't be saved in {folder} ({error}). Free space there, or allow writing to it.": (
        "无法保存到 {folder}（{error}）。请腾出空间，或允许写入。"
    ),
    "Another copy of Qwen UI is using these collections. Close it, or set another --data-dir.": (
        "另一个 Qwen UI 正在使用这些集合。请关闭它，或另设 --data-dir。"
    ),
    "The search index can't be written ({error}). Free space for it, or allow writing to its folder.": (
        "无法写入检索索引（{error}）。请腾出空间，或允许写入它的文件夹。"
    ),
    "There is no collection named {name}.": "没有名为 {name} 的集合。",
    "You have {limit} collections, and a visitor may have no more. Delete one first.": (
        "您已有 {limit} 个集合，每位访客不能更多。请先删除一个。"
    ),
    "There is no such collection. Choose one from the list.": "没有这个集合。请从列表中选择。",
    "This collection has been deleted.": "这个集合已被删除。",
    "The collection needs a name.": "集合需要一个名称。",
    "The collection's name is longer than {limit} characters. Shorten it.": "集合名称超过 {limit} 个字符。请缩短。",
    "There is a collection named {name} already. Choose another name.": "已有名为 {name} 的集合。请换一个名称。",
    # prompt files
    "{file} is too large to be edited here.": "{file} 太大，无法在这里编辑。",
    "{name} is a name that Windows keeps for itself. Choose another.": "{name} 是 Windows 的保留名称。请换一个。",
    "Prompt files can't be changed on this server.": "这台服务器上不能修改提示词文件。",
    "There is no task {name}. There are: {names}.": "没有任务 {name}。可选：{names}。",
    "{file} is not within the prompts folder, so it can't be used here.": "{file} 不在提示词文件夹内，无法使用。",
    "There is no template {name} for {task} any more. Pick another.": "{task} 的模板 {name} 已不存在。请选择另一个。",
    "{file} can't be read: {error}.": "{file} 无法读取：{error}。",
    "{file} has been changed by somebody else meanwhile. Copy your text, open the template again and put your "
    "changes in.": "{file} 已被他人修改。请复制您的文字，重新打开模板，再填入您的修改。",
    "There is a template {name} already. Choose another name.": "已有模板 {name}。请换一个名称。",
    "{task} has {count} templates already. Remove some first.": "{task} 已有 {count} 个模板。请先移除一些。",
    "The original of {file} can't be read: {error}.": "{file} 的原始版本无法读取：{error}。",
    "{file} has not been changed here: there is nothing to restore.": "{file} 没有被修改过，无需还原。",
    "{file} is not within the prompts folder.": "{file} 不在提示词文件夹内。",
    "{file} can't be written: {error}.": "{file} 无法写入：{error}。",
    "A {what}'s name may hold letters, digits, spaces and . ( ) + - _, not {name}.": (
        "名称只能包含字母、数字、空格和 . ( ) + - _，不能是 {name}。"
    ),
    "There is no template {name} for {task}. There are: {names}.": "{task} 没有模板 {name}。可选：{names}。",
    # tasks
    "Ask a question first.": "请先提问。",
    "There is no language {name} here. Choose one of {names}.": "这里没有语言 {name}。可选：{names}。",
    "Say what the code should do.": "请说明代码要做什么。",
    "Paste the code to work on: the action {name} needs some.": "请粘贴要处理的代码：操作 {name} 需要代码。",
    "There is no action {name}. Choose one of {names}.": "没有操作 {name}。可选：{names}。",
    "There is no prompt file for {name}. Restore {file}.": "没有用于 {name} 的提示词文件。请还原 {file}。",
    "Name {low} to {high} labels with commas between them, not {count}.": (
        "请写 {low} 到 {high} 个标签，用逗号隔开，而不是 {count} 个。"
    ),
    "A label may have {limit} characters; {label}… has {count}. Shorten it.": (
        "标签最多 {limit} 个字符；{label}…… 有 {count} 个。请缩短。"
    ),
    "The label {label} is there twice. Name each label once.": "标签 {label} 出现了两次。每个标签只写一次。",
    "The labels must be a text with commas between them.": "标签必须是用逗号隔开的文字。",
    "There is no working template for sentiment. Restore one in the prompts folder.": (
        "没有可用的情感分析模板。请在提示词文件夹中还原一个。"
    ),
    "There is no text to judge. Write or paste one first.": "没有要判断的文字。请先写下或粘贴。",
    "The text is {error}. Shorten it.": "文字{error}。请缩短。",
    "longer than {limit} characters": "超过 {limit} 个字符",
    "longer than the model's context": "超出了模型的上下文",
    "empty": "是空的",
    "not valid CSV: {error}": "不是有效的 CSV：{error}",
    "a quotation mark is not closed until line {number}": "引号到第 {number} 行仍未闭合",
    "{count} values for {limit} columns": "有 {count} 个值，却只有 {limit} 列",
    "wrong encoding": "编码有误",
    "not valid JSON": "不是有效的 JSON",
    "not a JSON object": "不是 JSON 对象",
    "The text has {count} characters; {limit} can be judged. Shorten it.": (
        "文字有 {count} 个字符，最多能判断 {limit} 个。请缩短。"
    ),
    "{file} can't be read: files must end in {kinds}.": "{file} 无法读取：支持的扩展名是 {kinds}。",
    "{file} is not a text file, or its encoding can't be told. Save it as UTF-8 and try again.": (
        "{file} 不是文本文件，或编码无法识别。请另存为 UTF-8 后重试。"
    ),
    "{file} holds no rows that can be read.": "{file} 里没有可读的行。",
    "{file} has {count} rows; {limit} are possible. Split it.": "{file} 有 {count} 行，最多 {limit} 行。请拆分。",
    "There is no column {name}. There are: {names}.": "没有列 {name}。可选：{names}。",
    "{file} is too large: it unpacks to {size} MB.": "{file} 太大：解压后有 {size} MB。",
    "{file} can't be read as an Excel workbook. Save it as .xlsx again.": (
        "{file} 无法作为 Excel 工作簿读取。请重新存为 .xlsx。"
    ),
    "The file has {size} MB; {limit} are possible. Split it.": "文件有 {size} MB，最多 {limit} MB。请拆分。",
    "The file is larger than {limit} MB. Split it.": "文件超过 {limit} MB。请拆分。",
    "There is no file to translate. Add one first.": "没有要翻译的文件。请先添加。",
    "{file} can't be translated: files must end in {kinds}.": "{file} 无法翻译：支持的扩展名是 {kinds}。",
    "{file} holds nothing to translate.": "{file} 里没有要翻译的内容。",
    "{file} holds no subtitles. A cue is a number, a line of times, and its text.": (
        "{file} 里没有字幕。每条字幕由编号、时间行和文字组成。"
    ),
    "{file} has no column {name}. It has: {names}.": "{file} 没有列 {name}。现有：{names}。",
    "The first line of {file} must name its columns.": "{file} 的第一行必须是列名。",
    "{file} can't be read as CSV: {error}.": "{file} 无法作为 CSV 读取：{error}。",
    "{file} can't be read as JSON: {error}.": "{file} 无法作为 JSON 读取：{error}。",
    "The glossary must be text: lines of the form term = translation.": "术语表必须是文字，每行“术语 = 译法”。",
    "The glossary has {count} terms; {limit} are possible. Shorten it.": (
        "术语表有 {count} 条，最多 {limit} 条。请删减。"
    ),
    "Line {number} of the glossary must be of the form term = translation, not {value}.": (
        "术语表第 {number} 行应为“术语 = 译法”，而不是 {value}。"
    ),
    "Line {number} of the glossary gives {term} a second translation. Keep one.": (
        "术语表第 {number} 行给 {term} 写了第二种译法。请只保留一种。"
    ),
    "Name the {what} language, by its code or its name.": "请写明语言（代码或名称）。",
    "There is nothing to translate. Write or paste a text first.": "没有要翻译的内容。请先写下或粘贴文字。",
    "The tone must be one of {names}, not {value}.": "语气必须是 {names} 之一，而不是 {value}。",
    "That makes {count} segments; {limit} are possible. Split it.": "这会分成 {count} 段，最多 {limit} 段。请拆分。",
    "Write something first: the beginning of a text, or what it should be about.": (
        "请先写点内容：文章的开头，或它的主题。"
    ),
    "The length must be from 1 to {limit} words, not {value}.": "长度必须是 1 到 {limit} 个词，而不是 {value}。",
    "The length must be a whole number of words.": "长度必须是整数个词。",
    "There can be 1 to {limit} versions.": "可以有 1 到 {limit} 个版本。",
    "There is no version to go on with yet. Write one first.": "还没有可以继续的版本。请先写一个。",
    # conversations that are opened
    "It is not a conversation.": "这不是一段对话。",
    "It is larger than {limit} MB. Open a shorter conversation.": "超过了 {limit} MB。请打开较短的对话。",
    "It is not a JSON file. Open one that was saved here with “Save as JSON”.": (
        "这不是 JSON 文件。请打开在这里用“存为 JSON”保存的文件。"
    ),
}
"""English to Chinese, with what stands in braces. An ``error`` may be one of these sentences again."""


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)  # texts and names by turns
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)), re.DOTALL
    )


_PATTERNS = [(_pattern(english), CHINESE[english]) for english in sorted(CHINESE, key=len, reverse=True)]
"""The longest first: "can't be read: files must end in…" before "can't be read: {error}."."""


def in_chinese(sentence: str) -> str:
    """The sentence in Chinese; one that is not known stays as it is."""
    for pattern, theirs in _PATTERNS:
        if match := pattern.fullmatch(sentence):
            values = match.groupdict()
            if "error" in values:
                values["error"] = in_chinese(values["error"])
            return theirs.format(**values)
    return sentence
