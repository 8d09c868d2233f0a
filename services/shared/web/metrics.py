"""What Prometheus may know of an application: how many requests of which route, how they ended, how long they took."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

PATH: Final = "/metrics"
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """One application's figures, in a registry of its own since several applications may share the process."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        self._seconds = Histogram(
            "dp_http_request_seconds",
            "Requests by service, method, route template and status.",
            labelnames=("service", "method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is a template, never a path."""
        self._seconds.labels(self._service, method, route, str(status)).observe(seconds)


async def show(request: Request) -> Response:
    """Answer with the application's figures in Prometheus's text format."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def merged(figures: Sequence[Metrics]) -> bytes:
    """Return several applications' figures as one text, in which each family stands once as the format wants it."""
    together = CollectorRegistry()
    together.register(_Merged(figures))
    return generate_latest(together)


class _Merged(Collector):
    def __init__(self, figures: Sequence[Metrics]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Return each family with the samples of every registry."""
        found: dict[str, Metric] = {}
        for family in (family for each in self._figures for family in each.registry.collect()):
            if family.name in found:
                found[family.name].samples.extend(family.samples)
            else:
                found[family.name] = family
        return found.values()
