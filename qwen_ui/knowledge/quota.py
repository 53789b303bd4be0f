"""How much visitors may keep: each of them, all that come from one address, and all together."""

from dataclasses import dataclass

from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.store import Store
from qwen_ui.text.confined import Unreadable


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits for visitors (owners with a name). A passage is some hundred characters.

    Who comes with a new cookie is a new visitor, so what comes from one address is limited as well.
    """

    collections: int = 20
    """Of one visitor."""
    passages: int = 20_000
    """Of one visitor: a shelf of books."""
    address_collections: int = 100
    address_passages: int = 100_000
    """Made and added from one address, removed ones included, until `Library.expire` forgets it."""
    all_passages: int = 1_000_000
    """Of all visitors together: a gigabyte or two with the index."""

    def check_collection(self, store: Store, owner: str, address: str) -> None:
        """Raises `InvalidInput` when the owner, or anybody from the address, may not make one more collection."""
        if owner and len(store.collections(owner)) >= self.collections:
            raise InvalidInput(
                "You have {limit:,} {limit:collection|collections}, and a visitor may have no more. Delete one first.",
                limit=self.collections,
            )
        if address and store.added_from(address)[0] >= self.address_collections:
            raise InvalidInput(
                "{limit:,} {limit:collection was|collections were} made from your address lately, and no more are "
                "possible for now. Try again later.",
                limit=self.address_collections,
            )

    def check_passages(self, store: Store, owner: str, address: str, file: str, count: int) -> None:
        """Raises `Unreadable` when the file's passages are more than the owner, or anybody from there, may add."""
        if owner and (held := store.passages_held(owner)) + count > self.passages:
            raise Unreadable(
                "{file} gives {count:,} {count:passage|passages}; you have {held:,}, and a visitor may keep {limit:,}. "
                "Remove some first.",
                file=file,
                count=count,
                held=held,
                limit=self.passages,
            )
        if address and (held := store.added_from(address)[1]) + count > self.address_passages:
            raise Unreadable(
                "{file} gives {count:,} {count:passage|passages}; {held:,} came from your address lately, and "
                "{limit:,} are possible. Try again later.",
                file=file,
                count=count,
                held=held,
                limit=self.address_passages,
            )
        if owner and store.passages_held() + count > self.all_passages:
            raise Unreadable(
                "{file} finds no room: visitors' documents fill it at present. Try again later.", file=file
            )
