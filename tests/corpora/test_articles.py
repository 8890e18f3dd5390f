from __future__ import annotations

from typing import Any

import pytest

from kashif.corpora.articles import Articles
from kashif.corpora.provenance import articles_row
from kashif.document import Document


class Counting(dict[str, str]):
    """A mapping that counts how often all of its values are asked for."""

    asked = 0

    def values(self) -> Any:
        self.asked += 1
        return super().values()


def test_known_texts_are_gathered_once_and_not_for_each_document() -> None:
    documents = [Document(f"d{i}", f"نص {i}") for i in range(50)]
    texts = Counting(articles_row(documents[:1])["articles"])
    assert Articles(texts).among(documents) == {"d0"}
    assert Articles(texts).namesakes(documents) == set()
    assert texts.asked == 2


def test_articles_are_known_by_id_by_lines_and_by_text() -> None:
    seen = Articles(articles_row([Document("a", "نص"), Document("b[0-50%]", "نصف")])["articles"])
    documents = [
        Document("a", "نص آخر"),  # the id
        Document("b", "كل النص"),  # lines of it
        Document("b[40-60%]", "وسط"),
        Document("b[50-100%]", "الباقي"),
        Document("c", "نص"),  # the text
        Document("d", "نص جديد"),
    ]
    assert seen.among(iter(documents)) == {"a", "b", "b[40-60%]", "c"}


OF_ONE_ARTICLE = (
    "زار كيم أوسلو .\r\nعاد بوتين\r\n",
    "زار كيم أوسلو .\nعاد بوتين",
    "\ufeffزار كيم أوسلو .\n\nعاد بوتين\n",
)


@pytest.mark.parametrize("text", [*OF_ONE_ARTICLE, "زار كيم أوسلو.\nعاد بو\u200cتين"])
def test_white_space_and_invisible_characters_make_no_other_article(text: str) -> None:
    """Copies with the line ends of Windows were scored as held out, under other names even without a word."""
    seen = Articles.of([Document("a", "زار كيم أوسلو .\nعاد بوتين\n")])
    same, copy, other = Document("a", text), Document("x", text), Document("a", f"{text} أمس")
    assert seen.among([same, copy]) == {"a", "x"}
    assert (seen.namesakes([same]), seen.namesakes([other])) == (set(), {"a"})
    assert seen.very([same, copy, other]) == [same]
