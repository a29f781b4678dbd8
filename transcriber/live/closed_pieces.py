"""The pieces that have been closed and are not final yet, in order, and the gaps between them."""

from __future__ import annotations

from collections import deque

from transcriber.engine.window import Window
from transcriber.live.endpoint import Gap, Utterance

_TRIES = 2


class ClosedPieces:
    """A queue whose first piece is heard in the final lane. Not thread-safe: see its session.

    Attributes:
        window: what of the first piece a worker hears at the moment.
    """

    def __init__(self) -> None:
        self.window: Window | None = None
        self._tries = 0
        self._items: deque[Utterance | Gap] = deque()
        self._unseen: set[Utterance] = set()  # closed before all of it was shown

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._items)

    @property
    def first(self) -> Utterance | Gap:
        """What comes next.

        Raises:
            IndexError: if nothing waits.
        """
        return self._items[0]

    @property
    def samples(self) -> int:
        """How much audio the pieces hold."""
        return sum(piece.end - piece.start for piece in self._pieces())

    def add(self, item: Utterance | Gap, shown_to: int) -> None:
        """Put a piece or a gap behind the others; the partial text covers audio to `shown_to`."""
        self._items.append(item)
        if isinstance(item, Utterance) and item.speech_end > shown_to:
            self._unseen.add(item)

    def take(self) -> Utterance | Gap:
        """Take the first one out."""
        item = self._items.popleft()
        if isinstance(item, Utterance):
            self._unseen.discard(item)
        return item

    def clear(self) -> None:
        """Let go all of them."""
        self._items.clear()

    def piece_of(self, window: Window) -> Utterance | None:
        """Return the piece that a window holds; None if that is another window."""
        piece = self._items[0] if self._items and window is self.window else None
        return piece if isinstance(piece, Utterance) else None

    def heard(self) -> None:
        """The worker has given an answer."""
        self.window, self._tries = None, 0

    def failed(self) -> bool:
        """The worker has failed: tell whether that was the last try for the first piece."""
        self.window = None
        self._tries += 1
        given_up = self._tries >= _TRIES and bool(self._items)
        if given_up:
            self._tries = 0
        return given_up

    def any_before(self, mark: int) -> bool:
        """Tell whether anything waits that begins before a position, in samples."""
        return any(item.start < mark for item in self._items)

    def any_unseen_before(self, mark: int) -> bool:
        """Tell whether any of it has never been shown as a whole."""
        return any(piece.start < mark and piece in self._unseen for piece in self._pieces())

    def _pieces(self) -> list[Utterance]:
        return [item for item in self._items if isinstance(item, Utterance)]
