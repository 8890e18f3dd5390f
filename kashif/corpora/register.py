"""The register of a corpus: how dense its text is, who speaks in it, how it is spelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

import regex

from kashif.arabic import PROCLITICS, normal_form, sentence_index, sentences, words
from kashif.corpora.statistics import count_words
from kashif.document import Document
from kashif.folding import fold


def _forms(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAYING = _forms(
    "قال قالت أكد أكدت اكد اكدت أضاف أضافت اضاف اضافت أوضح أوضحت اوضح اوضحت أفاد أفادت افاد افادت"
    " أعلن أعلنت اعلن اعلنت صرح صرحت ذكر ذكرت أشار أشارت اشار اشارت كشف كشفت اعتبر اعتبرت نقل نقلت"
    " أعرب أعربت اعرب قائلا مؤكدا مضيفا موضحا مشيرا مبينا"
)
"""Verbs of saying as news writes them."""
_SOURCES = _forms("مصدر مصادر مسؤول مسؤولون مسؤولين المصدر المصادر المسؤول المسؤولون المسؤولين")
_DROPPED_HAMZA = _forms(
    "الى ان او انه انها انهم اي ايضا اكثر اول اولى اكد اعلن اضاف اوضح افاد اشار امس اذا اجل"
    " اطار اعمال اعضاء افريل اوت اكتوبر ايام اثر اثناء اسبوع اشهر ابرز اخرى اخر الاول الاولى الان"
    " الاسبوع الامن الاحد الاربعاء لان"
)
"""Frequent words as they stand when their hamza is left out."""
_QUOTE = regex.compile(r"[\"«“]([^\"«»“”\n]+)[\"»”]")
_LONG_QUOTE = 8
"""Words from which a quotation is long."""
_LATIN = regex.compile(r"\p{Latin}+")


def register(documents: Sequence[Document]) -> dict[str, float]:
    """Measures of a corpus by name, 0 where there is nothing to count.

    Words are runs of letters. "Without a relation" is the share of a label's mentions that are in none;
    "mentions per name" counts names by article, label and normal form.
    """
    texts = [fold(document.text).text for document in documents]
    text_words = [
        normal_form(text[start:end])
        for text in texts
        for start, end in words(text)
        if any(map(str.isalpha, text[start:end]))
    ]
    bare = [word.removeprefix("و") for word in text_words]
    thousand = len(text_words) / 1000 or 1
    lengths: list[int] = []
    empty = 0
    for document in documents:
        spans = sentences(document.text)
        locate = sentence_index(spans)
        held = {locate(entity.start) for entity in document.entities}
        empty += len(spans) - len(held)
        lengths += [count_words(fold(document.text[start:end]).text) for start, end in spans]
    mentions = Counter((d.id, e.label, normal_form(e.text)) for d in documents for e in d.entities)
    quotes = [quote for text in texts for quote in _QUOTE.findall(text) if len(quote.split()) >= _LONG_QUOTE]
    return {
        "entities per 100 words": mentions.total() / thousand / 10,
        "relations per 100 words": sum(len(d.relations) for d in documents) / thousand / 10,
        "verbs of saying per 1,000 words": sum(w in _SAYING for w in bare) / thousand,
        "مصدر and مسؤول per 1,000 words": sum(_stem(w) in _SOURCES for w in bare) / thousand,
        "تم per 1,000 words": sum(w in ("تم", "تمت") for w in bare) / thousand,
        "long quotes per 1,000 words": len(quotes) / thousand,
        "Latin words per 1,000 words": sum(len(_LATIN.findall(text)) for text in texts) / thousand,
        "dropped hamzas per 1,000 words": sum(w in _DROPPED_HAMZA for w in bare) / thousand,
        "words of the median sentence": float(median(lengths)) if lengths else 0.0,
        "sentences without an entity, %": 100 * empty / (len(lengths) or 1),
        "mentions per name": mentions.total() / (len(mentions) or 1),
        **_unrelated(documents),
    }


def _stem(word: str) -> str:
    """A word without one proclitic, if a known word is left of it."""
    return word[1:] if word[:1] in PROCLITICS and word[1:] in _SOURCES else word


def _unrelated(documents: Sequence[Document]) -> dict[str, float]:
    """The share of a label's mentions that are in no relation, in per cent, for labels that are in some."""
    total: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for document in documents:
        related = {id for relation in document.relations for id in (relation.head, relation.tail)}
        total.update(entity.label for entity in document.entities)
        alone.update(entity.label for entity in document.entities if entity.id not in related)
    return {
        f"{label} without a relation, %": 100 * alone[label] / count
        for label, count in sorted(total.items())
        if alone[label] < count
    }
