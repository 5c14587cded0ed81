"""The grammar of a language, and the syntax tree it gives."""

import tree_sitter

from mesrai.domain import bounded_parse
from mesrai.review.code.language import Language


def find_tree(source: bytes, language: Language) -> tree_sitter.Tree | None:
    """The syntax tree of UTF-8 text. None where there is no grammar, or parsing would take too much."""
    if not language.grammar:
        return None
    grammar = bounded_parse.load_grammar(language.grammar, language.loader)
    return bounded_parse.find_tree(source, grammar, nests_angles=language.nests_angles)
