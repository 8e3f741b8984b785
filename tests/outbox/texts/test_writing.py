"""A text and its values become plain text and HTML: the same words in both, every value verbatim in one and escaped in the
other, and what has nothing to say left out of both."""

import re
from html import unescape
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from patients.outbox.texts import checks, example
from patients.outbox.texts.languages import ENGLISH
from patients.outbox.texts.parsing import Unreadable, parse
from patients.outbox.texts.shipped import library
from patients.outbox.texts.writing import STYLES, as_html, as_text, fill

# Whatever somebody's name or a rule's sentence may hold; an empty one has nothing to say.
VALUES = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)
EVERY_SHIPPED = sorted(library().texts)


def written(source: str, *, bold=frozenset(), **values) -> tuple[str, str]:
    said = {
        name.replace("__", "."): (value,) if isinstance(value, str) else tuple(value) for name, value in values.items()
    }
    blocks = fill(parse(source), said, bold=frozenset(bold))
    return as_text(blocks), as_html(blocks)


class Reader(HTMLParser):
    """What somebody reads of an HTML mail, and where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.leads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.leads += [value for name, value in attrs if name == "href"]
        self.words.append(" ")

    def handle_endtag(self, tag) -> None:
        self.words.append(" ")

    def handle_data(self, data) -> None:
        self.words.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


# ── The form ──────────────────────────────────────────────────────────────────


def test_a_text_says_the_same_in_both_forms():
    text, html = written(
        "Your visit is booked:\n\n> {starts_at}\n\n## Before you come:\n- {prepare}\n\n[Confirm it]({link.visit})\n",
        starts_at="Tuesday 20 April 2027, 11:00",
        prepare=["Drink water.", "Eat first."],
        link__visit="https://clinic.test/my/a/",
    )
    assert text == (
        "Your visit is booked:\n\n    Tuesday 20 April 2027, 11:00\n\nBefore you come:\n- Drink water.\n- Eat first.\n\n"
        "Confirm it:\nhttps://clinic.test/my/a/"
    )
    assert re.sub(r' style="[^"]*"', "", html) == (
        "<p>Your visit is booked:</p>\n<p><b>Tuesday 20 April 2027, 11:00</b></p>\n<h2>Before you come:</h2>\n<ul>\n"
        "<li>Drink water.</li>\n<li>Eat first.</li>\n</ul>\n"
        '<p><a href="https://clinic.test/my/a/">Confirm it</a></p>'
    )


def test_the_red_box_holds_its_headings_and_lists():
    text, html = written(
        "! ## Call {number} for:\n! - {signs}\n!\n! Or come.\n\nAfter.", number="999", signs=["A", "B"]
    )
    assert text == "Call 999 for:\n- A\n- B\n\nOr come.\n\nAfter."
    assert html.count("<div") == html.count("</div>") == 1 and "#b3362b" in html
    assert html.index("<div") < html.index("Or come") < html.index("</div>") < html.index("After")


def test_a_link_at_the_end_of_a_line_stays_in_it():
    text, html = written("Has it changed? [Answer here]({link.page})", link__page="https://clinic.test/")
    assert text == "Has it changed? Answer here: https://clinic.test/"
    assert ">Answer here</a></p>" in html


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "None.\nNot several."), (1, "One: a.\nSome: a.\nNot several."), (2, "Many: a b.\nSome: a b.")],
)
def test_a_line_is_for_its_case(count, said):
    source = "?no things: None.\n?one things: One: {things}.\n?several things: Many: {things}.\n?things: Some: {things}.\n?no several: {x}"
    source = source.replace("?no several: {x}", "?no other: Not several.")
    text, _ = written(source, things=list("ab")[:count], **({"other": "x"} if count == 2 else {}))
    assert text == said


def test_two_cases_by_a_comma_must_both_hold():
    source = "?phone, reply: Both.\n?no phone, reply: Reply alone."
    assert written(source, phone="1", reply="2")[0] == "Both."
    assert written(source, reply="2")[0] == "Reply alone."
    assert written(source, phone="1")[0] == ""


def test_what_has_nothing_to_say_is_left_out_with_its_heading_its_box_and_its_foot():
    source = (
        "First.\n\n{empty}\n\n## Heading:\n- {empty}\n\n! ## Call:\n! - {empty}\n\n[Words]({link.none})\n\n--\n{empty}"
    )
    assert written(source) == ("First.", f'<p style="{STYLES["p"]}">First.</p>')


def test_a_heading_without_a_list_of_its_own_stands_alone():
    assert written("## Heading\n\n- {empty}")[0] == "Heading"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("Hello {First}", 1, "is no field"),
        ("Hello { name }", 1, "is no field"),
        ("Hello {name", 1, "curly bracket stands alone"),
        ("One\n\nHello name}", 3, "curly bracket stands alone"),
        ("[Words](https://elsewhere.example)", 1, "one of our own pages"),
        ("[Words]({link.visit}) and more", 1, "alone or at the end"),
        ("Words\n- item", 2, "empty line before"),
        ("- item\nWords", 2, "Put an empty line before it"),
        ("- item\n## Heading", 2, "heading comes first"),
        ("! Box\nnot in it", 2, "exclamation mark"),
        ("?several visits They are", 1, "ends with a colon"),
        ("?visits:", 1, "words follow"),
        ("?Visits!: They", 1, "is no case"),
        ("> ", 1, "Words are missing"),
        ("Words\n\n--", 3, "foot"),
    ],
)
def test_what_breaks_the_form_is_told_with_its_line(source, line, says):
    with pytest.raises(Unreadable) as refused:
        parse(source)
    assert refused.value.line == line
    assert says in refused.value.sentence


# ── Whatever the values hold ──────────────────────────────────────────────────


@given(VALUES)
def test_a_value_is_verbatim_in_the_text_and_escaped_in_the_html(value):
    source = "Dear {name},\n\n> {name}\n\n## {name}\n- {name}\n\n! {name}\n\n~ {name}"
    text, html = written(source, name=value, bold={"name"})
    assert text.count(value) >= 6
    marks = re.findall(r"<[^>]*>", html)
    assert {re.match(r"</?(\w+)", mark)[1] for mark in marks} <= {"p", "b", "h2", "ul", "li", "div", "span"}
    bare = re.sub(r"<[^>]*>", "\0", html)
    assert "<" not in bare and ">" not in bare
    assert unescape(bare).count(unescape(escaped(value))) >= 6


def escaped(value: str) -> str:
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#x27;")
    )


@given(VALUES)
def test_a_value_puts_in_no_other_value_and_no_mark(value):
    """Once: `{secret}` in somebody's name stays what was typed."""
    text, html = written("Dear {name},", name="{secret} ## " + value, secret="told")
    assert text == "Dear {secret} ## " + value + ","
    assert "told" not in html.replace(value, "")


@given(VALUES)
def test_an_address_cannot_leave_its_attribute(value):
    _, html = written("[Words]({link.page})", link__page=value)
    assert html.count('"') == 6
    assert read(html).tags == {"p", "a"}


@pytest.mark.parametrize(("code", "language"), EVERY_SHIPPED)
def test_text_and_html_of_every_shipped_letter_say_the_same_words(code, language):
    for _case, text, html in letters_of(code, language):
        assert words_of(" ".join(read(html).words)) == words_of(without_addresses(text))
        assert all(address in text for address in read(html).leads)


@pytest.mark.parametrize(("code", "language"), EVERY_SHIPPED)
def test_every_shipped_letter_is_whole_in_every_case(code, language):
    for _case, text, html in letters_of(code, language):
        assert "{" not in text + html and "None" not in text
        assert "\n\n\n" not in text and not re.search(r"(?m)^- *$|^    $", text)
        assert html.count("<ul") == html.count("</ul>") and html.count("<p") == html.count("</p>")


def letters_of(code: str, language: str):
    for case, blocks in filled_letters(code, language):
        yield case, as_text(blocks), as_html(blocks)


def filled_letters(code: str, language: str):
    contract, text = library().contract(code), library().text(code, language)
    for case in example.cases(contract):
        values = contract.values(
            case.words,
            case.links,
            language=library().languages[language],
            zone=ZoneInfo("Europe/London"),
            is_shared=case.is_shared,
        )
        yield case, fill(text.blocks, values, bold=contract.bold)


def without_addresses(text: str) -> str:
    return re.sub(r"\[her private link: [\w-]+\]", "", text)


def test_the_controls_of_the_two_tests_above():
    """They do tell letters apart that differ in a word, and see what was not put in."""
    assert words_of(" ".join(read("<p>One two</p>").words)) != words_of("One three")
    assert read('<p><a href="x">a</a></p>').leads == ["x"]


# ── On a page of ours ─────────────────────────────────────────────────────────


def on_a_page(blocks) -> str:
    """The letter as the template draws it, without the line ends that stand between its elements."""
    template = "patients/outbox/_letter_blocks.html"
    drawn = render_to_string(template, {"blocks": blocks, "heading": "h2", "paragraph": "p"})
    return re.sub(r"\s*\n\s*", "", drawn)


def in_a_mail(blocks) -> str:
    """The letter as it is mailed, with the classes of our style sheet for its style, and its links leading nowhere."""
    html = as_html(blocks)
    for name, style in STYLES.items():
        html = html.replace(f'style="{style}"', f'class="mail-{name.replace("_", "-")}"')
    return re.sub(r'\n| href="[^"]*"', "", html)


@pytest.mark.parametrize(("code", "language"), EVERY_SHIPPED)
def test_on_a_page_of_ours_every_shipped_letter_is_the_mail_but_for_its_style_and_leads_nowhere(code, language):
    for _case, blocks in filled_letters(code, language):
        page = on_a_page(blocks)
        assert page == in_a_mail(blocks)
        assert "href" not in page and "style=" not in page


def test_a_page_draws_every_kind_of_block_as_a_mail_has_it():
    """Whatever a clinic may write, also what no shipped text holds."""
    source = (
        "Dear {name},\n~ small {name}\n\n> {name}\n> {name}\n\n## {name}\n- {name}, [Read]({link.page})\n\n- alone\n\n"
        "! ## Call:\n! - {name}\n!\n! [Words]({link.page})\n\n[Act]({link.page})\n\n--\n{name}\n~ {name}\n\n## In the foot\n"
    )
    values = {"name": ("Ana & <b>Co</b> 'x' \"y\"",), "link.page": ("https://x.test/?a=1&b=2",)}
    for bold in (frozenset(), frozenset({"name"})):
        blocks = fill(parse(source), values, bold=bold)
        page = on_a_page(blocks)
        assert page == in_a_mail(blocks)
        assert "<b>Co" not in page and page.count("&lt;b&gt;Co&lt;/b&gt;") == 9
        assert {look for look in STYLES if f'"mail-{look.replace("_", "-")}"' in page} == set(STYLES) - {
            "page",
            "sheet",
        }


@given(VALUES.filter(lambda value: not re.search(r"\s", value)))
def test_a_value_is_escaped_on_a_page_as_in_a_mail(value):
    blocks = fill(parse("Dear {name},\n\n> {name}"), {"name": (value,)}, bold=frozenset({"name"}))
    assert on_a_page(blocks) == in_a_mail(blocks)


def test_the_style_sheet_of_our_pages_draws_what_a_mail_program_draws(settings):
    sheet = (settings.BASE_DIR / "static" / "css" / "mail.css").read_text().replace(", ", ",").replace(": ", ":")
    for name, style in STYLES.items():
        rules = re.search(rf"\.mail-{name.replace('_', '-')} {{([^}}]*)}}", sheet)[1]
        for declaration in style.split(";"):
            assert declaration in rules, (name, declaration)


def test_styles_stand_in_the_elements_of_a_mail():
    assert 'style="padding' not in written("Words")[1]
    assert f'style="{STYLES["fact"]}"' in written("> {at}", at="now")[1]


def test_a_shipped_letter_reads_at_grade_8_at_most():
    from patients.outbox.texts.reading_grade import HIGHEST_GRADE, reading

    for code, language in EVERY_SHIPPED:
        if language == ENGLISH:
            known = library()
            for text in checks.letters(known.english(code).blocks, known.contract(code), known.languages[ENGLISH]):
                assert reading(text).grade <= HIGHEST_GRADE, (code, text)
