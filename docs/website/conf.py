"""The configuration of Sphinx. `build.py` runs it, and the pages come from `pages.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Interlock"
copyright = "Interlock contributors"
author = "Interlock contributors"
html_title = "Interlock"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f0", "color-brand-content": "#7cc4f0"},
    "navigation_with_keys": True,
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

extensions = ["myst_parser", "sphinx.ext.autodoc", "docstrings"]
myst_heading_anchors = 5
myst_links_external_new_tab = False
autodoc_member_order = "bysource"
# The adapters of interlock-sensors import tools that only their own test environments have.
autodoc_mock_imports = ["airflow", "great_expectations"]
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False
# The side bar of each page would have a thousand names otherwise.
toc_object_entries = False
# Names of other packages have no target here, since the build uses no network. A type that its package does not export
# is shown as text.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!interlock_).*"),
    (r"py:.*", r".*\._.*"),
    (r"py:.*", r"interlock_local\.keys\..*"),
]
