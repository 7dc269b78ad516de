"""How Sphinx builds the course's web site; scripts/build_site.py runs it.

Sphinx with MyST-NB reads the same Markdown as jupytext and shows stored outputs without a kernel,
checks every link, and makes a search that needs no server. Furo is a theme that is kept, is read
well on a phone and in the dark, and asks no other host for fonts or scripts.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "DDSP, by ear"
html_title = project
language = "en-GB"
extensions = ["myst_nb", "sphinx.ext.mathjax", "link_terms"]
exclude_patterns = ["extra"]

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["static"]
html_extra_path = ["extra"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_favicon = "static/icon.svg"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "top_of_page_buttons": [],
}

# The menu would make each formula a stop of the Tab key.
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}}


def number_headings(app, page, template, context, doctree):
    """Say to screen readers of which level the headings in the list of pages are."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def setup(app):
    """Tell Sphinx of it; Furo makes the list before."""
    app.connect("html-page-context", number_headings, priority=900)
