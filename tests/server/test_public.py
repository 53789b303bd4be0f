"""Public mode: the password that is made, and what the owner is told."""

import pytest

from qwen_ui.server.public import exposure, with_sign_in
from qwen_ui.settings import Settings


def test_a_public_page_gets_a_strong_password_of_its_own():
    first, second = (with_sign_in(Settings(public=True)).credentials for _ in range(2))
    assert first is not None
    assert second is not None
    assert len(first[1]) >= 16
    assert first[1] != second[1]


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(public=True, auth="none"), Settings(share=True, auth=("me", "secret"))]
)
def test_what_was_said_about_signing_in_holds(settings: Settings):
    assert with_sign_in(settings) == settings


def test_sharing_makes_it_public_unless_that_is_said_not_to_be():
    assert Settings(share=True).is_public
    assert not Settings(share=True, public=False).is_public


def test_the_owner_is_told_what_is_exposed_to_whom_with_which_limits():
    made = with_sign_in(Settings(share=True, requests_per_minute=7))
    assert made.credentials is not None
    told = exposure(made, made=True)
    for part in (
        "everybody who knows the link",
        made.credentials[1],
        "7 requests a minute",
        "10 MB",
        "*.gradio.live",
        "127.0.0.0/8",
    ):
        assert part in told
    assert "secret" not in exposure(Settings(public=True, auth=("me", "secret")), made=False)
    assert "nobody is asked to sign in" in exposure(Settings(public=True, auth="none"), made=False)
