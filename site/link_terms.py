"""A Sphinx extension: the glossary's terms become links to it, which show what they mean.

A term in italics always does, and otherwise a page's first mention of it in running text.
"""

import functools
import re

from docutils import nodes

# Pages that do not explain anything.
SKIPPED = {"glossary", "index", "live", "reading", "teaching"}
# Terms that are also everyday words: only in italics do they certainly mean the glossary's.
EVERYDAY = {
    *("attack", "beat", "carrier", "click", "effect", "example", "import", "index", "memo"),
    *("model", "node", "operator", "package", "peak", "pin", "power", "prefix", "ratio"),
    *("reference", "release", "requirements", "scope", "shelf", "state", "step", "tap"),
    *("target", "threshold", "tick"),
}
# A term in these stays as it is.
CLOSED = (
    nodes.title,
    nodes.literal,
    nodes.reference,
    nodes.math,
    nodes.raw,
    nodes.FixedTextElement,
)


def forms(term):
    """Return how a term stands in a sentence, in lower case: as it is, in singular, in plural."""
    term = term.lower()
    return {term, term[:-1] if term.endswith("s") and len(term) > 3 else f"{term}s"}


@functools.cache
def glossary(env):
    """Return {form of a term: (anchor in the glossary, what it means)}."""
    found = {}
    for item in env.get_doctree("glossary").findall(nodes.definition_list_item):
        meaning = item.next_node(nodes.definition).astext().rpartition(" (")[0]
        for term in item.findall(nodes.term):
            name = term.astext()
            for form in forms(name):
                # "loudness" is a term by itself, and not the singular of another.
                if form == name.lower() or form not in found:
                    found[form] = (term["ids"][0], meaning)
    return found


def link_terms(app, doctree, page):
    """Link the terms on a page."""
    if page in SKIPPED:
        return
    known = glossary(app.env)
    address = app.builder.get_relative_uri(page, "glossary")

    def link(text):
        anchor, meaning = known[text.lower()]
        return nodes.reference(
            "",
            text,
            refuri=f"{address}#{anchor}",
            internal=True,
            reftitle=meaning,
            classes=["term"],
        )

    linked = set()
    for italic in list(doctree.findall(nodes.emphasis)):
        if italic.astext().lower() in known and not isinstance(italic.parent, CLOSED):
            text = italic.astext()
            linked.add(known[text.lower()][0])
            italic.children = []
            italic += link(text)
    everyday = {form for word in EVERYDAY for form in forms(word)}
    words = sorted(set(known) - everyday, key=len, reverse=True)
    term = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    for text in list(doctree.findall(nodes.Text)):
        parent, made, rest = text.parent, [], 0
        if any(isinstance(above, (*CLOSED, nodes.emphasis)) for above in ancestors(text)):
            continue
        for match in term.finditer(text):
            anchor = known[match[0].lower()][0]
            if anchor not in linked:
                linked.add(anchor)
                made += [nodes.Text(text[rest : match.start()]), link(match[0])]
                rest = match.end()
        if made:
            parent.replace(text, [*made, nodes.Text(text[rest:])])


def ancestors(node):
    """Yield what a node lies in, the nearest first."""
    while node.parent:
        node = node.parent
        yield node


def setup(app):
    """Tell Sphinx of the extension."""
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
