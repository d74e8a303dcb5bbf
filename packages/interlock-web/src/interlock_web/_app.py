"""The web application: the pages, their parts, the stream of changes and the static files. It has no write."""

import logging
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from interlock_sla import ExecutionDateError, parse_execution_date
from interlock_web._commands import Shell
from interlock_web._links import ServerLinks
from interlock_web._live import Streams
from interlock_web._pages import Pages
from interlock_web._reader import Reader
from interlock_web._security import Guard
from interlock_web._views import QueryError, UnknownOwner, day_of, part_of, read_view

STATIC = Path(__file__).parent / "static"
POLL_SECONDS = 5.0
_LONGEST_NAME = 2048

_log = logging.getLogger("interlock_web")

Endpoint = Callable[[Request], Response]


def make_app(
    reader: Reader,
    environment: str,
    *,
    region: str | None = None,
    hosts: Collection[str] | None = None,
    poll_seconds: float = POLL_SECONDS,
    program: str = "interlock",
    endpoint_url: str | None = None,
) -> Starlette:
    """The page of a deployment as an ASGI application.

    region: that of the deployment, for the pages of jobs at AWS. None outside of AWS. hosts: the host names by which it
    may be asked for, None for any. poll_seconds: the time between two looks of an open overview.
    program, endpoint_url: for the commands to copy, as in `Shell`.
    `app.state.streams.is_ending = True` ends the open streams.
    """
    pages = Pages(Shell(environment, program, endpoint_url), ServerLinks(), region)
    streams = Streams(reader, pages, poll_seconds)
    site = _Site(reader, pages, streams)
    app = Starlette(
        routes=[
            Route("/", site.answer(site.overview)),
            Route("/rows", site.answer(site.rows)),
            Route("/day", site.answer(site.day)),
            Route("/run", site.answer(site.run)),
            Route("/pipeline", site.answer(site.pipeline)),
            Route("/events", site.events),
            Route("/healthz", _healthy),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={404: site.absent},
    )
    app.state.streams = streams
    return app


def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


class _Site:
    """The pages. A method runs in a thread, since its reads block."""

    def __init__(self, reader: Reader, pages: Pages, streams: Streams) -> None:
        self._reader = reader
        self._pages = pages
        self._streams = streams

    def answer(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with an answer for invalid queries (400), unknown owners (404) and unreachable tables (502)."""

        @wraps(endpoint)
        def answered(request: Request) -> Response:
            try:
                return endpoint(request)
            except QueryError as error:
                return HTMLResponse(self._pages.message("The address is invalid", *map(str, error.args)), 400)
            except UnknownOwner as error:
                return HTMLResponse(self._pages.message("There is no such owner", *map(str, error.args)), 404)
            except Exception as error:  # noqa: BLE001 (a page for people never ends with a bare status)
                # The log has the whole error.
                _log.exception("%s failed", request.url.path)
                text = f"{type(error).__name__}: {error}"
                return HTMLResponse(self._pages.message("The tables cannot be read", text), 502)

        return answered

    def overview(self, request: Request) -> Response:
        """The overview."""
        view = read_view(request.query_params)
        board, rows = part_of(self._reader, view)
        return HTMLResponse(self._pages.overview(board, rows, view, self._streams.remember(board)))

    def rows(self, request: Request) -> Response:
        """A further part of the rows."""
        view = read_view(request.query_params)
        board, rows = part_of(self._reader, view, with_unfinished=False)
        return HTMLResponse(self._pages.rows(board, rows, view))

    def day(self, request: Request) -> Response:
        """A day on a time axis."""
        view = read_view(request.query_params)
        board, rows, picture = day_of(self._reader, view)
        return HTMLResponse(self._pages.day(board, rows, picture, view))

    def run(self, request: Request) -> Response:
        """A date."""
        name, text = _name(request, "pipeline"), request.query_params.get("date", "")
        try:
            date = parse_execution_date(text)
        except ExecutionDateError as error:
            raise QueryError(f"date: {error}") from None
        found = self._reader.run(name, date)
        if not found.is_known:
            return HTMLResponse(self._pages.message("There is no such pipeline", name), 404)
        return HTMLResponse(self._pages.run(found))

    def pipeline(self, request: Request) -> Response:
        """A pipeline."""
        name = _name(request, "id")
        found = self._reader.pipeline(name)
        if not found.is_known:
            return HTMLResponse(self._pages.message("There is no such pipeline", name), 404)
        return HTMLResponse(self._pages.pipeline(found))

    async def events(self, request: Request) -> Response:
        """The changes of an overview."""
        try:
            view = read_view(request.query_params)
        except QueryError as error:
            return PlainTextResponse("\n".join(map(str, error.args)), 400)
        if self._streams.is_full:
            return PlainTextResponse("too many open streams\n", 503)
        # A browser that connects again names the last event that it got.
        seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        at_once = request.query_params.get("again") == "1"
        events = self._streams.follow(view, request.is_disconnected, seen, at_once=at_once)
        # A proxy would collect the events otherwise.
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    def absent(self, request: Request, error: Exception) -> Response:
        """The answer to an unknown address."""
        return HTMLResponse(self._pages.message("There is no such page", request.url.path), 404)


def _name(request: Request, parameter: str) -> str:
    name = request.query_params.get(parameter, "")
    if not name or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME - len("PIPELINE#"):
        raise QueryError(f"{parameter} must be the id of a pipeline")
    return name
