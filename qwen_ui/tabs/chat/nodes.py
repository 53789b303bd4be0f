"""A conversation as a tree: each message follows another, some beside others that do the same. One path is shown."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.source import SearchHit
from qwen_ui.messages import Message, Usage
from qwen_ui.tabs.chat.attachments import Attachments


@dataclass(frozen=True, slots=True)
class Node:
    """A message in its place."""

    message: Message
    after: int | None = None
    """The id of the message that it follows, None where it begins the conversation."""
    next: int | None = None
    """The id of the one that is shown of those that follow it; None where the shown path ends here."""
    usage: Usage | None = None
    """What an answer cost."""
    model: str = ""
    """The model whose tokens the message's ids are; empty where that is not known."""
    at: int | None = None
    """When an answer was written, in seconds since 1970."""
    attachments: Attachments = ()
    """What a user's message has beside its text."""
    passages: tuple[SearchHit, ...] | None = None
    """What an answer was given of the attachments, where they did not fit whole: what was found, if anything."""


@dataclass(frozen=True, slots=True)
class Chat:
    """All messages by their ids, without the system prompt. It is never changed: every change gives another one.

    Ids count up, so that a message comes before all that follow it, and they stay what they are.
    """

    nodes: Mapping[int, Node] = field(default_factory=dict)
    first: int | None = None
    """The shown one of those that begin the conversation."""
    id: str = field(default_factory=lambda: uuid4().hex, compare=False)
    """What the browser keeps it under."""

    @classmethod
    def of(cls, messages: Sequence[Message], usage: Usage | None = None) -> "Chat":
        """One that has no branches. ``usage`` is what its last message cost."""
        last = len(messages) - 1
        nodes = {
            id: Node(message, id - 1 if id else None, id + 1 if id < last else None, usage if id == last else None)
            for id, message in enumerate(messages)
        }
        return cls(nodes, 0 if messages else None)

    @property
    def path(self) -> tuple[int, ...]:
        """The ids of the messages that are shown."""
        found, id = [], self.first
        while id is not None:
            found.append(id)
            id = self.nodes[id].next
        return tuple(found)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Those that are shown."""
        return tuple(self.nodes[id].message for id in self.path)

    @property
    def usage(self) -> Usage | None:
        """What the last answer that is shown cost."""
        path = self.path
        return self.nodes[path[-1]].usage if path else None

    @property
    def last_answer(self) -> str:
        """The model's last message that is shown; empty if there is none."""
        answers = [message.content for message in self.messages if message.role == "assistant"]
        return answers[-1] if answers else ""

    @property
    def last_question(self) -> int | None:
        """The id of the user's last message that is shown, None if there is none."""
        return next((id for id in reversed(self.path) if self.nodes[id].message.role == "user"), None)

    @property
    def versions(self) -> dict[int, tuple[int, ...]]:
        """For each message that is shown, itself and its siblings from the oldest to the newest."""
        following = defaultdict[int | None, list[int]](list)
        for id, node in sorted(self.nodes.items()):
            following[node.after].append(id)
        return {id: tuple(following[self.nodes[id].after]) for id in self.path}

    def before(self, id: int | None) -> tuple[int, ...]:
        """The ids from the beginning to that message, it included; none for None."""
        found = []
        while id is not None:
            found.append(id)
            id = self.nodes[id].after
        return tuple(reversed(found))

    def prompt(self, id: int | None, model: str) -> tuple[Message, ...]:
        """The messages from the beginning to that one for a model; ids only where they are that model's."""
        nodes = [self.nodes[each] for each in self.before(id)]
        return tuple(
            node.message if node.model == model else Message(node.message.role, node.message.content) for node in nodes
        )

    def answer(self, id: int) -> Node:
        """The model's message of that id. Raises `InvalidInput` if there is none."""
        node = self.nodes.get(id)
        if node is None or node.message.role != "assistant":
            raise _gone()
        return node

    def with_one(self, message: Message, after: int | None, attachments: Attachments = ()) -> tuple["Chat", int]:
        """With one more message, which is shown, and its id."""
        id, node = max(self.nodes, default=-1) + 1, Node(message, after, attachments=attachments)
        return replace(self, nodes={**self.nodes, id: node}).showing(id), id

    def having(self, id: int, node: Node) -> "Chat":
        """With another node in the place of one."""
        return replace(self, nodes={**self.nodes, id: node})

    def without(self, id: int) -> "Chat":
        """Without a message and all that follows it; the newest of its siblings is shown instead, if it was shown.

        Raises `InvalidInput` if there is none of that id.
        """
        if id not in self.nodes:
            raise _gone()
        gone, left = self.nodes[id], dict[int, Node]()
        for each, node in sorted(self.nodes.items()):  # so that each comes after the one that it follows
            if each != id and (node.after is None or node.after in left):
                left[each] = node
        chat = replace(self, nodes=left)
        if id not in self.path:
            return chat
        siblings = [each for each, node in chat.nodes.items() if node.after == gone.after]
        return chat._leading(gone.after, max(siblings, default=None))

    def asking(self, text: str, attachments: Attachments = ()) -> "Chat":
        """With the user's next message. Raises `InvalidInput` when that is not valid text."""
        return self.with_one(Message("user", text), self.path[-1] if self.path else None, attachments)[0]

    def attached(self, id: int | None) -> Attachments:
        """All attachments from the beginning to that message."""
        return tuple(each for at in self.before(id) for each in self.nodes[at].attachments)

    def showing(self, id: int) -> "Chat":
        """The same, with that message on the shown path; what follows it is what was last shown there.

        Raises `InvalidInput` if there is none of that id.
        """
        if id not in self.nodes:
            raise _gone()
        nodes = dict(self.nodes)
        while (after := nodes[id].after) is not None:
            nodes[after] = replace(nodes[after], next=id)
            id = after
        return replace(self, nodes=nodes, first=id)

    def fork(self, id: int) -> "Chat":
        """A conversation of its own, of what leads to that message. Raises `InvalidInput` if there is none."""
        if id not in self.nodes:
            raise _gone()
        path = self.before(id)
        nodes = {
            each: replace(self.nodes[each], next=next_) for each, next_ in zip(path, [*path[1:], None], strict=True)
        }
        return Chat(nodes, path[0])

    def up_to(self, id: int) -> "Chat":
        """The same, with the path ending before that message: it is kept, and shown again as a sibling."""
        return self._leading(self.nodes[id].after, None)

    def _leading(self, from_: int | None, to: int | None) -> "Chat":
        """With the path going on from one message to another, from None where it begins, to None where it ends."""
        if from_ is None:
            return replace(self, first=to)
        return self.having(from_, replace(self.nodes[from_], next=to))


def _gone() -> InvalidInput:
    return InvalidInput("This message is no longer there.")
