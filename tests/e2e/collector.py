"""An OpenTelemetry collector for tests: accepts OTLP over HTTP on loopback, and keeps the last data it got."""

import gzip
from collections.abc import Callable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.receiver import Receiver


class Collector(Receiver):
    """`histograms` and `gauges` hold the newest point of each series, by metric and attribute values."""

    def __init__(self):
        self.histograms = {}
        self.gauges = {}
        self.highest = {}
        self.resource = {}
        self.logs = []
        self.spans = []
        self._take: dict[str, Callable[[bytes], None]] = {
            "/v1/metrics": self._metrics,
            "/v1/logs": self._log,
            "/v1/traces": self._trace,
        }

    def take(self, path, headers, body):
        """Keep an export."""
        self._take[path](gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body)
        return 200, b""

    @property
    def env(self):
        """The variables that make a process export to here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.base_url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }

    def _metrics(self, body):
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.resource |= _values(resource.resource.attributes)
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.exponential_histogram.data_points:
                    self.histograms[metric.name, *_values(point.attributes).values()] = point
                for point in metric.gauge.data_points:
                    key = (metric.name, *_values(point.attributes).values())
                    self.gauges[key] = point.as_int
                    self.highest[key] = max(point.as_int, self.highest.get(key, 0))

    def _log(self, body):
        found = ExportLogsServiceRequest.FromString(body).resource_logs
        scopes = [scope for each in found for scope in each.scope_logs]
        self.logs += [record.body.string_value for scope in scopes for record in scope.log_records]

    def _trace(self, body):
        found = ExportTraceServiceRequest.FromString(body).resource_spans
        self.spans += [span.name for each in found for scope in each.scope_spans for span in scope.spans]


def _values(attributes):
    return {each.key: each.value.string_value for each in attributes}
