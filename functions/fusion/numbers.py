"""Which numbers a text states, as the tracks read them too (``shared/language/numbers.py``)."""

from shared.language.numbers import NUMBER_WORDS, NumberSources, Numeral, numerals, sentences, unsourced

__all__ = ["NUMBER_WORDS", "NumberSources", "Numeral", "numerals", "sentences", "unsourced"]
