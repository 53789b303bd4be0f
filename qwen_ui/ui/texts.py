"""What the page says, in English and Simplified Chinese."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from qwen_ui.ui.ask import texts as ask
from qwen_ui.ui.code import texts as code
from qwen_ui.ui.prompt_files import texts as prompt_files
from qwen_ui.ui.sentences import in_chinese
from qwen_ui.ui.sentiment import texts as sentiment
from qwen_ui.ui.translate import texts as translate
from qwen_ui.ui.write import texts as write

Say = Callable[..., str]
"""Gives the sentence under a key in the visitor's language, with values put in."""

_PAGE_EN: Mapping[str, str] = {
    # header
    "loading_title": "Preparing the model",
    "loading_hint": "You can write already. Sending is possible once the model is ready.",
    "choosing": "Choosing a model for this machine",
    "fetching": "Fetching {detail}",
    "converting": "Converting {detail}: only needed once",
    "loading": "Loading {detail}",
    "warming": "Warming up {detail}",
    "elapsed": "{seconds} s",
    "bytes": "{done} of {total}",
    "ready_in": "Ready in {seconds} s.",
    "failed_title": "There is no model to answer with",
    "failed_hint": "Mend this and start the app again. Nothing that you wrote here is lost.",
    "why": "Why this model",
    "context": "Context: {tokens} tokens",
    "embedded_notice": (
        "This tiny stand-in model is for trying the app out: English first, and often wrong. "
        "For a real one, go online or name it: {command}"
    ),
    # chat
    "chat": "Chat",
    "greeting": "What can I help with?",
    "chat_label": "Conversation",
    "message": "Message",
    "message_placeholder": "Write a message…",
    "message_hint": "Enter sends, Shift + Enter starts a new line",
    "send": "Send",
    "send_to": "Send to…",
    "nothing_to_send": "There is nothing to send yet.",
    "stop": "Stop",
    "new_chat": "New chat",
    "settings": "Assistant and settings",
    "assistant": "Assistant",
    "system": "System prompt",
    "system_info": "What the model should be and do; it applies from the next answer on",
    "temperature": "Temperature",
    "temperature_info": "Higher is more varied; 0 always takes the likeliest word",
    "top_p": "Top-p",
    "top_p_info": "Keeps the likeliest words that reach this share together",
    "top_k": "Top-k",
    "top_k_info": "Chooses among this many words; 0 is no limit",
    "max_new_tokens": "New tokens",
    "max_new_tokens_info": "Longest answer; a token is about ¾ of an English word",
    "markdown": "Save as Markdown",
    "json": "Save as JSON",
    "open": "Open JSON…",
    "broken_templates": "Some prompt files can't be used:",
    # under the answer
    "tokens": "{count} tokens",
    "first_token": "first after {seconds} s",
    "speed": "{speed} tokens/s",
    "context_used": "context {used} of {total}",
    "stopped": "stopped",
    "length_reached": "The answer reached its limit of new tokens. Raise “New tokens”, or send “continue”.",
    "dropped": "The oldest messages no longer fit into the context and were left out: {count}.",
    "waiting": "{place} in line",
    "thinking": "Reading your message…",
    "writing": "Writing…",
    "nothing_said": "The model ended its answer without a word. Try again, or say it differently.",
    "not_sent": "Not sent: {error}",
    "broken_off": "The answer broke off: {error}",
    "not_opened": "This file was not opened: {error}",
    "not_restored": "The conversation kept in this browser could not be read, so this is a new one: {error}",
    "not_picked": "This assistant can't be used: {error}",
    "error": "{error}",
    "empty_message": "Write something first.",
    "still_writing": "An answer is being written. Stop it first, or wait for its end.",
    "nothing_to_retry": "There is no message to answer.",
    "too_long_to_keep": "This conversation has grown too long to be kept in the browser. Save it and start a new one.",
    "unexpected": "Something went wrong on the server. Try again; the server's log says more.",
    "opened": "Opened a conversation of {count} messages.",
    "you": "You",
    "model": "Assistant",
}

_PAGE_ZH: Mapping[str, str] = {
    "loading_title": "正在准备模型",
    "loading_hint": "现在就可以输入，模型就绪后即可发送。",
    "choosing": "正在为这台机器选择模型",
    "fetching": "正在下载 {detail}",
    "converting": "正在转换 {detail}（只需一次）",
    "loading": "正在加载 {detail}",
    "warming": "正在预热 {detail}",
    "elapsed": "{seconds} 秒",
    "bytes": "{done} / {total}",
    "ready_in": "已就绪，用时 {seconds} 秒。",
    "failed_title": "没有可用的模型",
    "failed_hint": "请解决该问题后重新启动应用。您在这里写的内容不会丢失。",
    "why": "为什么是这个模型",
    "context": "上下文：{tokens} 个 token",
    "embedded_notice": (
        "这是一个极小的替代模型，以英文为主，仅供试用，回答经常有误。"
        "要使用真正的模型，请联网后启动，或指定模型：{command}"
    ),
    "chat": "聊天",
    "greeting": "有什么可以帮您？",
    "chat_label": "对话",
    "message": "消息",
    "message_placeholder": "输入消息……",
    "message_hint": "按 Enter 发送，Shift + Enter 换行",
    "send": "发送",
    "send_to": "发送到…",
    "nothing_to_send": "还没有可以发送的内容。",
    "stop": "停止",
    "new_chat": "新对话",
    "settings": "助手与设置",
    "assistant": "助手",
    "system": "系统提示词",
    "system_info": "模型的角色与任务，从下一个回答起生效",
    "temperature": "温度",
    "temperature_info": "越高越多样；0 表示总取最可能的词",
    "top_p": "Top-p",
    "top_p_info": "只保留累计概率达到该值的最可能的词",
    "top_k": "Top-k",
    "top_k_info": "从这么多个词中选择；0 表示不限",
    "max_new_tokens": "最多新 token 数",
    "max_new_tokens_info": "回答的最大长度；一个 token 约 1.5 个汉字",
    "markdown": "存为 Markdown",
    "json": "存为 JSON",
    "open": "打开 JSON…",
    "broken_templates": "有些提示词文件无法使用：",
    "tokens": "{count} 个 token",
    "first_token": "首个用时 {seconds} 秒",
    "speed": "{speed} token/秒",
    "context_used": "上下文 {used} / {total}",
    "stopped": "已停止",
    "length_reached": "回答达到了长度上限。可调高“最多新 token 数”，或发送“继续”。",
    "dropped": "最早的 {count} 条消息超出上下文，已略去。",
    "waiting": "排队中，第 {place} 位",
    "thinking": "正在阅读您的消息……",
    "writing": "正在回答……",
    "nothing_said": "模型没有给出任何内容。请重试，或换一种说法。",
    "not_sent": "未发送：{error}",
    "broken_off": "回答中断：{error}",
    "not_opened": "未能打开该文件：{error}",
    "not_restored": "无法读取浏览器中保存的对话，已开始新对话：{error}",
    "not_picked": "无法使用该助手：{error}",
    "error": "{error}",
    "empty_message": "请先输入内容。",
    "still_writing": "正在回答。请先停止，或等它结束。",
    "nothing_to_retry": "没有可以回答的消息。",
    "too_long_to_keep": "对话太长，浏览器无法保存。请先保存，再开始新对话。",
    "unexpected": "服务器出错了。请重试；详情见服务器日志。",
    "opened": "已打开包含 {count} 条消息的对话。",
    "you": "我",
    "model": "助手",
}

_TABS = (write, ask, translate, sentiment, code, prompt_files)
EN: Mapping[str, str] = {key: text for part in (_PAGE_EN, *(tab.EN for tab in _TABS)) for key, text in part.items()}
ZH: Mapping[str, str] = {key: text for part in (_PAGE_ZH, *(tab.ZH for tab in _TABS)) for key, text in part.items()}

I18N = gr.I18n(en=dict(EN), **{"zh-CN": dict(ZH), "zh-TW": dict(ZH)})
"""For what stands on the page from its start. The browser picks the language."""

_CHINESE = {"zh-cn", "zh-tw"}  # the Chinese that Gradio's front end knows, so that both halves agree


def reads_chinese(request: gr.Request) -> bool:
    """Whether the browser's first language is Chinese."""
    return request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip().lower() in _CHINESE


def speaker(request: gr.Request) -> Say:
    """For the sentences that the server makes: they come in the browser's first language."""
    return saying(ZH if reads_chinese(request) else EN)


def saying(texts: Mapping[str, str]) -> Say:
    """The sentences of one language. An ``error`` among the values is told in that language too, where it is known."""

    def say(key: str, **values: Any) -> str:
        if "error" in values and texts is ZH:
            values["error"] = in_chinese(str(values["error"]))
        return texts[key].format(**values)

    return say


def ordinal(number: int, say: Say) -> str:
    """A place in line: "3rd", or the bare number where ordinals are not endings."""
    if say("send") != EN["send"]:
        return str(number)
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
