"""Public mode: the password that is made when none is given, and what the owner is told at the start."""

import secrets
from dataclasses import replace

from qwen_ui.settings import Settings

USER = "qwen"
PASSWORD_BYTES = 12


def with_sign_in(settings: Settings) -> Settings:
    """The settings; a public page of which nothing was said about signing in gets a password of its own."""
    if not settings.is_public or settings.auth is not None:
        return settings
    return replace(settings, auth=(USER, secrets.token_urlsafe(PASSWORD_BYTES)))


def exposure(settings: Settings, made: bool) -> str:
    """What is exposed, to whom, with which limits; with the password only if it was ``made`` here."""
    if settings.credentials is None:
        who = "Anybody who can reach it may use it: nobody is asked to sign in."
    elif made:
        who = f"Visitors sign in as {settings.credentials[0]} with the password {settings.credentials[1]}"
    else:
        who = f"Visitors sign in as {settings.credentials[0]} with your password."
    where = "everybody who knows the link" if settings.share else f"whoever reaches {settings.host}"
    proxies = ", ".join(map(str, settings.proxies)) or "none"
    return "\n".join(
        [
            f"Public mode: the page and its API are open to {where}.",
            f"  {who}",
            f"  Each has {settings.requests_per_minute} requests a minute, {settings.running_per_visitor} at once, "
            f"{settings.tokens_per_hour:,} tokens an hour, files of {settings.upload_limit_mb} MB, "
            f"own collections kept for {settings.keep_hours} hours.",
            "  Visitors can't change prompt files, nor see your collections.",
            f"  It is opened under {', '.join(['the names and addresses of this machine', *settings.hosts])}.",
            f"  Trusted to say where visitors come from: {proxies}.",
        ]
    )
