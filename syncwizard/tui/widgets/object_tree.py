"""What of a tree of objects is open and passes the filter: the state behind one list, without a widget."""

from collections.abc import Sequence

from syncwizard.task.drafting.outline import Groups, Node, Outline, count, filtered, outline

# A small catalogue is shown with all that is in it, a larger one by its schemas.
OPEN_AT_ONCE = 100


class Tree:
    """One side: its objects, which of its lines are open, and the lines.

    With `all_open` all lines are open but those that were closed, else closed but those that were opened.
    """

    def __init__(self, *, all_open: bool = False) -> None:
        self._all_open = all_open
        self.groups: Groups = {}
        self.lines = Outline()
        self._open: set[Node] = set()
        # Under a filter everything is open but what was closed since.
        self._closed: set[Node] = set()

    def fill(self, groups: Groups, words: Sequence[str]) -> None:
        """Other objects, or another filter."""
        self.groups = filtered(groups, words)
        self._arrange(words)

    def refilter(self, groups: Groups, words: Sequence[str]) -> None:
        """Another filter."""
        if not self._all_open:
            self._closed.clear()
        self.fill(groups, words)

    def open(self, node: Node, opened: bool, words: Sequence[str]) -> None:
        """Opens or closes a line."""
        (self._open.add if opened else self._open.discard)(node)
        (self._closed.discard if opened else self._closed.add)(node)
        self._arrange(words)

    def open_all(self, groups: Groups) -> None:
        """Opens all schemas and their kinds, where that is little; else the only schema."""
        little = count(groups) <= OPEN_AT_ONCE
        if little or len(groups) == 1:
            self._open.update(Node(schema) for schema in groups)
        if little:
            self._open.update(Node(schema, kind) for schema, found in groups.items() for kind in found)

    def _arrange(self, words: Sequence[str]) -> None:
        # A filter is about single objects: what it finds is not folded again.
        is_open = self._is_not_closed if words or self._all_open else self._open.__contains__
        self.lines = outline(self.groups, is_open, folded=not words)

    def _is_not_closed(self, node: Node) -> bool:
        return node in self._open if node.group is not None else node not in self._closed
