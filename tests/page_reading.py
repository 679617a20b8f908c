"""Pages of made-up lines, and a parser that reads a page back."""

from html.parser import HTMLParser

import fake_records
from fake_records import REPOSITORY
from linedrift.report import pages

TEMPLATES = REPOSITORY / "resources" / "pages"
VOID = {"meta", "br", "wbr", "input", "hr", "img", "link"}
# Stands for plotly where a test reads the page and does not measure it.
STUB = "/* plotly */"


class Page(HTMLParser):
    """A page read back: elements, texts outside scripts, and tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open, self.wrong = [], [], [], []
        self.scripts, self.captionless = [], 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1][1] += data
        elif not (self.open and self.open[-1] == "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag, **wanted):
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and all(attrs.get(key) == value for key, value in wanted.items())
        ]


def line(plotly_js=STUB, **options):
    """Return the page of a made-up line."""
    name = options.pop("name", "LD001")
    return pages.line_page(fake_records.line_record(name, **options), TEMPLATES, plotly_js)
