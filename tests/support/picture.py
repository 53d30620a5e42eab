"""What a person sees at a terminal: the picture that the bytes of a program leave there."""

import re

# A control sequence; a string for the terminal itself; a short escape; a control character; what is drawn.
_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"
    r"|\x1b[()*+][ -~]"
    r"|\x1b[^\[\]PX^_()*+]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<drawn>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)


class Picture:
    """A screen of so many rows and columns that understands what our screens send, and nothing more.

    Every character takes one column: wide ones are not drawn by the tests. Colours are for those who read the bytes.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._rows, self._columns = rows, columns
        self._rest = ""
        self._clear()

    @property
    def text(self) -> str:
        """What stands there, line by line."""
        return "\n".join("".join(line).rstrip() for line in self._cells)

    def sees(self, words: str) -> bool:
        """Whether the words stand there, however their lines are broken."""
        return " ".join(words.split()) in " ".join(self.text.split())

    def feed(self, text: str) -> None:
        """Draws; what is not whole yet waits for the rest."""
        text, self._rest = self._rest + text, ""
        place = 0
        while place < len(text):
            token = _TOKEN.match(text, place)
            if token is None:
                self._rest = text[place:]
                return
            place = token.end()
            if drawn := token["drawn"]:
                self._draw(drawn)
            elif control := token["control"]:
                self._control(control)
            elif final := token["final"]:
                self._sequence(final, token["parameters"])

    def _clear(self) -> None:
        self._cells = [[" "] * self._columns for _ in range(self._rows)]
        self._row = self._column = 0

    def _draw(self, text: str) -> None:
        for character in text:
            if self._column == self._columns:
                self._column = 0
                self._feed_line()
            self._cells[self._row][self._column] = character
            self._column += 1

    def _control(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._feed_line()

    def _feed_line(self) -> None:
        if self._row + 1 < self._rows:
            self._row += 1
        else:
            self._cells = [*self._cells[1:], [" "] * self._columns]

    def _sequence(self, final: str, parameters: str) -> None:
        numbers = [int(number) for number in parameters.split(";") if number.isdigit()]
        if final in "Hf":
            row, column = [*numbers, 1, 1][:2] if numbers else (1, 1)
            self._row = min(max(row, 1), self._rows) - 1
            self._column = min(max(column, 1), self._columns) - 1
        elif (final == "J" and numbers == [2]) or (final in "hl" and parameters == "?1049"):
            # The other screen of the terminal is an empty one, for all that matters here.
            self._clear()
        elif final == "K" and not numbers:
            self._cells[self._row][self._column :] = [" "] * (self._columns - self._column)
