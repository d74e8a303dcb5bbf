"""Draws the spans of a trace as an SVG: one line per span, below its parent, from its begin to its end."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from traces.receiver import Span

_LEFT, _WIDTH, _LINE, _TOP = 330, 640, 18, 60
_COLOURS = {
    "stream-router": "#2563a8",
    "orchestrator": "#2e7d4f",
    "sla-monitor": "#8a5a00",
    "watchdog": "#7a4fa3",
    "event-sink": "#5f6b76",
    "alert-dispatcher": "#a8324a",
}


def draw(spans: Sequence[Span], title: str) -> str:
    """The picture as SVG text. The spans are of one trace."""
    lines = list(_ordered(spans))
    begin, end = min(span.begin for span in spans), max(span.end for span in spans)
    height = _TOP + _LINE * len(lines) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 110} {height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="14">{escape(title)}, {end - begin:.1f} s</text>',
        *_legend(spans),
    ]
    for number, (depth, span) in enumerate(lines):
        parts += _line(span, depth, _TOP + _LINE * number, begin, max(end - begin, 1e-9))
    return "\n".join([*parts, "</svg>", ""])


def _ordered(spans: Sequence[Span], parent: str = "", depth: int = 0) -> Iterator[tuple[int, Span]]:
    """Each span with its depth, below its parent, the earliest first."""
    for span in sorted((one for one in spans if one.parent == parent), key=lambda one: one.begin):
        yield depth, span
        yield from _ordered(spans, span.id, depth + 1)


def _legend(spans: Sequence[Span]) -> Iterator[str]:
    services = [service for service in _COLOURS if any(span.service == service for span in spans)]
    for number, service in enumerate(services):
        x = 10 + 150 * number
        yield f'<rect x="{x}" y="34" width="10" height="10" fill="{_COLOURS[service]}"/>'
        yield f'<text x="{x + 15}" y="43">{service}</text>'


def _line(span: Span, depth: int, y: int, begin: float, length: float) -> Iterator[str]:
    x = _LEFT + _WIDTH * (span.begin - begin) / length
    width = max(_WIDTH * (span.end - span.begin) / length, 2)
    named = " ".join(filter(None, (span.name, span.attributes.get("interlock.attempt"), span.attributes.get("type"))))
    failed = f': <tspan fill="#a8324a">{escape(span.problem[:40])}</tspan>' if span.problem else ""
    yield f'<text x="{10 + 14 * depth}" y="{y + 11}">{escape(named)}{failed}</text>'
    yield f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="10" fill="{_COLOURS[span.service]}"/>'
    yield f'<text x="{min(x + width + 4, _LEFT + _WIDTH + 10):.1f}" y="{y + 11}" fill="#555555">{_time(span)}</text>'


def _time(span: Span) -> str:
    seconds = span.end - span.begin
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
