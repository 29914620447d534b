"""Old unclear phrases of the project do not come back."""

import re

import pytest

from tests.architecture.test_speech import text_of, tracked

# Each phrase is split in two, so that this file does not contain it.
OLD_PHRASES = [
    first + second
    for first, second in (
        ("does not have ", "its form"),
        ("not to be ", "had"),
        ("over ", "already"),
        ("asset that cannot do ", "the direction"),
        ("what is dear ", "of an entry"),
        ("a window as new ", "was taken"),
        ("only somebody ", "claimed"),
        ("there is ", "nobody there"),
        ("who asks is ", "told so"),
        ("asked ever ", "less"),
        ("may make ", "streams"),
        ("nothing for functions ", "without state"),
        ("named by ", "nobody"),
        ("with its age, or if there ", "is none"),
        ("nobody learns ", "which"),
        ("no business on ", "this route"),
        ("that does not ", "hold; the same words"),
        ("cannot be ", "had"),
        ("nothing follows ", "under"),
        ("what may not ", "be meant"),
        ("probably not ", "meant"),
        ("limit of ", "yours has this id"),
        ("registered by ", "you"),
        ("say whose ", "is meant"),
        ("whose assets ", "are meant"),
        ("asked for by ", "that message"),
        ("is nothing to ", "the others"),
        ("in the order ", "they came"),
        ("a body has at ", "most"),
        ("events come from event ", "delivery only"),
    )
]
_OLD = re.compile("|".join(map(re.escape, OLD_PHRASES)), re.IGNORECASE)
# A phrase may be broken over lines of text, of a comment, or of a string.
_BREAK = re.compile(r"\s*\n[\s#>*]*")


def phrases_in(text: str) -> list[str]:
    """Return the old phrases in a text, also across line breaks."""
    return [match.group(0) for match in _OLD.finditer(_BREAK.sub(" ", text))]


def test_no_tracked_file_has_an_old_phrase() -> None:
    phrases_by_file = {name: phrases_in(text_of(name)) for name in tracked()}

    assert {name: phrases for name, phrases in phrases_by_file.items() if phrases} == {}


@pytest.mark.parametrize("phrase", OLD_PHRASES)
def test_each_phrase_is_found_even_over_two_lines(phrase: str) -> None:
    assert phrases_in(f"x {phrase.capitalize()}.") != []
    assert phrases_in("    # " + phrase.replace(" ", "\n    # ", 1)) != []
