"""Several models behind one page: one that runs here, one on another server, and one that could not be opened."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from gradio_client import Client
from openai import NotFoundError, OpenAI
from playwright.sync_api import expect

from qwen_ui.errors import ModelError
from qwen_ui.server.metering import Record
from tests.fakes import INFO, FakeEngine
from tests.pages import OpenPage, Serve, hosts_of

HERE, FAR, GONE = "some/model", "http://far:8000/v1", "http://gone:8000/v1#lost"


class Served:
    """The served page, and what was recorded."""

    def __init__(self, serve: Serve) -> None:
        here, far = FakeEngine(["From ", "here."]), FakeEngine(["From ", "afar."], model="maker/Far-7B")
        host = hosts_of({HERE: here, FAR: far, GONE: ModelError("The key is wrong.")})
        self.records: list[Record] = []
        host.observe(self.records.append)
        self.url = serve(host)


@pytest.fixture(scope="module")
def served(serve_module: Serve) -> Served:
    return Served(serve_module)


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    client = Client(served.url, verbose=False)
    yield client
    client.close()


def test_the_status_tells_all_of_them(client: Client):
    status: dict[str, Any] = client.predict(api_name="/status")
    assert (status["state"], status["model"]) == ("ready", INFO.model)
    assert [(each["name"], each["state"], each["reason"]) for each in status["models"]] == [
        (INFO.model, "ready", str(INFO.reason)),
        ("maker/Far-7B", "ready", str(INFO.reason)),
        ("lost", "failed", "The key is wrong."),
    ]


def test_scripts_name_one(served: Served, client: Client):
    assert client.predict("Hi", api_name="/write") == "From here."
    assert client.predict("Hi", model="maker/Far-7B", api_name="/write") == "From afar."
    assert [record.model for record in served.records[-2:]] == [INFO.model, "maker/Far-7B"]
    for name, says in (("nobody", "no model nobody. There are: fake/Echo-1B, maker"), ("lost", "The key is wrong")):
        with pytest.raises(Exception, match=says):
            client.predict("Hi", model=name, api_name="/write")


def test_programs_name_one(served: Served):
    with OpenAI(base_url=f"{served.url}v1", api_key="none", max_retries=0, timeout=60) as openai:
        assert [model.id for model in openai.models.list().data] == [INFO.model, "maker/Far-7B"]
        for name, said in ((INFO.model, "From here."), ("maker/Far-7B", "From afar.")):
            answer = openai.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hi"}])
            assert (answer.choices[0].message.content, answer.model) == (said, name)
        with pytest.raises(NotFoundError):
            openai.models.retrieve("nobody")


def test_people_pick_one(served: Served, open_page: OpenPage):
    page = open_page(served.url)
    expect(page.locator("#send")).to_be_enabled()
    chip = page.locator("#model details")
    expect(chip.locator("summary")).to_have_text("2 of 3 models ready")
    chip.locator("summary").click()
    expect(chip.locator("section.failed")).to_have_text(re.compile("lost · Not available.*The key is wrong."))
    chip.locator("summary").click()
    for model, question, answer in (("Far-7B", "Where from?", "From afar."), ("Echo-1B", "And now?", "From here.")):
        page.locator("#picker input").click()
        page.get_by_role("option", name=model, exact=True).click()
        page.locator("#message textarea").fill(question)
        page.locator("#send").click()
        expect(page.locator("#chat")).to_contain_text(answer)
