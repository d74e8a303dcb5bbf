"""The read-only page of Interlock: all pipelines and dates, the explanation of each date, the record of a pipeline."""

from interlock_web._app import make_app
from interlock_web._export import export_pages
from interlock_web._reader import NoDays, Reader
from interlock_web._security import LOOPBACK
from interlock_web._server import PageServer, WebError, serve_page

__all__ = ["LOOPBACK", "NoDays", "PageServer", "Reader", "WebError", "export_pages", "make_app", "serve_page"]
