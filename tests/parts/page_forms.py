"""Forms in pages as a browser without scripts would send them."""

from html.parser import HTMLParser

_VOID = "hidden", "text", "password", "datetime-local"


class _Inputs(HTMLParser):
    """Collects what the inputs of a page's job form hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str | list[str]] = {}
        self._name = ""
        self._text: list[str] | None = None
        self._options: list[tuple[str, bool]] | None = None
        self._is_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "input" and name and given.get("type", "text") in _VOID:
            self.found[name] = given.get("value", "")
        elif tag == "input" and given.get("type") == "checkbox" and "checked" in given:
            ticked = self.found.setdefault(name, [])
            assert isinstance(ticked, list)
            ticked.append(given["value"])
        elif tag == "textarea":
            self._name, self._text = name, []
        elif tag == "select":
            self._name, self._options = name, []
        elif tag == "option" and self._options is not None:
            self._options.append((given.get("value", ""), "selected" in given))
            self._is_label = "value" not in given

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)
        elif self._is_label and self._options:
            self._options[-1] = (data.strip(), self._options[-1][1])

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            # The line end after the tag is none of the text (HTML, the textarea element).
            self.found[self._name] = "".join(self._text).removeprefix("\n").replace("\n", "\r\n")
            self._text = None
        elif tag == "option":
            self._is_label = False
        elif tag == "select" and self._options is not None:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self.found[self._name] = chosen[0]
            self._options = None


def filled_form(page: str) -> dict[str, str | list[str]]:
    """Return what a browser would send of the form in a page, by the names of its inputs."""
    start, end = page.index('<form id="job-form"'), page.rindex("</form>")
    inputs = _Inputs()
    inputs.feed(page[start:end])
    return inputs.found
