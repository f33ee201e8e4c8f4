"""Servers on this machine that answer as live sources do, and misbehave as they are told.

The shapes of the answers are those of the public references of the sources.
"""

import contextlib
import json
import math
import threading
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from footprint.factors.providers.exchange import Clock

HOUR = 3600
# 2026-11-21 12:10:00 UTC, within an hour and within a half-hour.
NOW = 1_795_263_000


def stamp(unix_s, form="%Y-%m-%dT%H:%M:%S.000Z"):
    return f"{datetime.fromtimestamp(unix_s, UTC):{form}}"


def unix(text):
    return int(datetime.fromisoformat(text).timestamp())


def intensity(unix_s):
    """What these grids emit [gCO2e/kWh]: a day's swing and a slow drift."""
    return round(250 + 90 * math.cos(unix_s / 86_400 * math.tau) + unix_s // 86_400 % 7 * 5)


class FakeClock:
    """A clock that stands still until somebody sleeps."""

    def __init__(self, now=NOW):
        self.now, self.slept = float(now), []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return Clock(lambda: self.now, lambda: self.now, self.sleep, lambda: 1.0)


class FakeSource:
    """A server that answers by a function of path, query and headers.

    It may return a document, text, or (status, headers, text); `first` holds answers that come
    before, one each.
    """

    def __init__(self, answer, clock=None):
        self.answer, self.first, self.requests = answer, [], []
        self.clock = clock or FakeClock()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                source.requests.append((parts.path, query, dict(self.headers)))
                found = source.first.pop(0) if source.first else source.answer
                if callable(found):
                    found = found(parts.path, query, self.headers)
                if callable(found):
                    found(self)  # writes to the line itself
                    return
                status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
                text = body if isinstance(body, (str, bytes)) else json.dumps(body)
                data = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):  # the client had enough
                    self.wfile.write(data)

            def date_time_string(self, timestamp=None):
                return formatdate(source.clock.now, usegmt=True)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass  # a client that hangs up is no fault of the server

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def electricity_maps(clock, key, change=lambda rows: rows):
    """Answer as Electricity Maps v3 does."""

    def answer(path, query, headers):
        if headers.get("auth-token") != key:
            return 401, {}, {"error": "Invalid auth-token"}
        zone, factors = query["zone"], query["emissionFactorType"]
        if not zone.isupper():
            return 404, {}, {"error": f"Zone '{zone}' does not exist."}
        assert query["shouldUseFallbackCallerLookup"] == "false"
        here = int(clock.now) // HOUR * HOUR

        def row(at):
            return {
                "zone": zone,
                "carbonIntensity": intensity(at) // (1 if factors == "lifecycle" else 2),
                "datetime": stamp(at),
                "updatedAt": stamp(at + 2 * HOUR),
                "createdAt": stamp(at),
                "emissionFactorType": factors,
                "isEstimated": at >= here - 3 * HOUR,
                "estimationMethod": "TIME_SLICER_AVERAGE" if at >= here - 3 * HOUR else None,
            }

        if path == "/v3/carbon-intensity/history":
            rows = [row(at) for at in range(here - 23 * HOUR, here + 1, HOUR)]
            return {"zone": zone, "history": change(rows)}
        if path == "/v3/carbon-intensity/past-range":
            start, stop = unix(query["start"]), unix(query["end"])
            assert stop - start <= 240 * HOUR
            rows = [row(at) for at in range(start, min(stop, here + 1), HOUR)]
            return {"zone": zone, "data": change(rows)}
        assert path == "/v3/carbon-intensity/forecast"
        ahead = range(here + HOUR, here + int(query["horizonHours"]) * HOUR + 1, HOUR)
        rows = [{"carbonIntensity": intensity(at), "datetime": stamp(at)} for at in ahead]
        return {"zone": zone, "forecast": change(rows), "updatedAt": stamp(here)}

    return answer


def uk(clock, change=lambda rows: rows):
    """Answer as the Carbon Intensity API does, with the half-hour before the span as it gives."""

    def row(at, *, regional):
        told = {"forecast": round(intensity(at) * (1 + 0.1 * math.sin(at / 40_000))),
                "actual": intensity(at) if at + 1800 <= clock.now else None,
                "index": "moderate"}  # fmt: skip
        if regional:
            del told["actual"]
        form = "%Y-%m-%dT%H:%MZ"
        return {"from": stamp(at, form), "to": stamp(at + 1800, form), "intensity": told}

    def answer(path, query, headers):
        parts = path.strip("/").split("/")
        regional = parts[0] == "regional"
        parts = parts[2:] if regional else parts[1:]
        start = unix(parts[0])
        stop = start + 48 * HOUR if parts[1] == "fw48h" else unix(parts[1])
        rows = [row(at, regional=regional) for at in range(start - 1800, stop, 1800)]
        rows = change(rows)
        if not regional:
            return {"data": rows}
        name = {"regionid": int(parts[3]), "dnoregion": "UKPN London", "shortname": "London"}
        return {"data": {**name, "data": rows}}

    return answer


class WattTime:
    """Answers as WattTime v3 does; tokens can be made to expire."""

    def __init__(self, clock, pair, change=lambda rows: rows, meta=None):
        self.clock, self.pair, self.change, self.meta = clock, pair, change, meta or {}
        self.logins, self.valid = 0, set()

    def __call__(self, path, query, headers):
        if path == "/login":
            if headers.get("authorization") != f"Basic {self.pair}":
                return 401, {}, {"message": "wrong name or password"}
            self.logins += 1
            self.valid = {f"token-number-{self.logins}-secret"}
            return {"token": next(iter(self.valid))}
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return 401, {}, {"error": "token expired"}
        if not query["region"].isupper():
            return 400, {}, {"error": "Invalid region"}
        meta = {
            "data_point_period_seconds": 300,
            "region": query["region"],
            "signal_type": query["signal_type"],
            "units": "lbs_co2_per_mwh",
            "warnings": [],
            "model": {"date": "2025-06-01"},
        }
        if path == "/v3/historical":
            start, stop = unix(query["start"]), unix(query["end"])
            steps = range(start, min(stop, int(self.clock.now) - 300) + 1, 300)  # end included
        else:
            assert path == "/v3/forecast"
            here = int(self.clock.now) // 300 * 300
            steps = range(here, here + int(query["horizon_hours"]) * HOUR, 300)
            meta["generated_at"] = stamp(here)
        rows = [{"point_time": stamp(at, "%Y-%m-%dT%H:%M:%S+00:00"), "value": 2.0 * intensity(at)}
                for at in steps]  # fmt: skip
        return {"data": self.change(rows), "meta": {**meta, **self.meta}}


def sunshine(at):
    return max(0, round(20_000 * math.sin((at % 86_400 / HOUR - 6) / 12 * math.pi)))


AREAS = {"DE_LU": "10Y1001A1001A82H", "FR": "10YFR-RTE------C"}
# Type: megawatts at an hour, and minutes of its steps.
MIX = {
    "B04": (lambda at: 10_000 + at // HOUR % 24 * 100, 60),
    "B16": (lambda at: sunshine(at), 15),
    "B10": (lambda at: 3_000, 60),
    "B17": (lambda at: 1_000, 60),
}  # fmt: skip


def entsoe_document(area, start, stop, mix=None, unit="MAW", skip=()):
    """Generation per type (A75) as the Transparency Platform writes it."""
    parts = []
    for kind, (power, minutes) in (mix or MIX).items():
        points = "".join(
            f"<Point><position>{number}</position><quantity>{power(at)}</quantity></Point>"
            for number, at in enumerate(range(start, stop, minutes * 60), start=1)
            if (kind, at) not in skip
        )
        span = "".join(
            f"<{name}>{stamp(at, '%Y-%m-%dT%H:%MZ')}</{name}>"
            for name, at in (("start", start), ("end", stop))
        )
        parts.append(
            "<TimeSeries><mRID>1</mRID><businessType>A01</businessType>"
            f'<inBiddingZone_Domain.mRID codingScheme="A01">{area}</inBiddingZone_Domain.mRID>'
            f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name>"
            f"<curveType>A01</curveType><MktPSRType><psrType>{kind}</psrType></MktPSRType>"
            f"<Period><timeInterval>{span}</timeInterval><resolution>PT{minutes}M</resolution>"
            f"{points}</Period></TimeSeries>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0">'
        f"<type>A75</type>{''.join(parts)}</GL_MarketDocument>"
    )


NO_DATA = (
    '<?xml version="1.0" encoding="UTF-8"?><Acknowledgement_MarketDocument>'
    "<Reason><code>999</code><text>No matching data found for Data item</text></Reason>"
    "</Acknowledgement_MarketDocument>"
)


def entsoe_time(text):
    return int(datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC).timestamp())


def entsoe(key, **change):
    """Answer as the Transparency Platform does."""

    def answer(path, query, headers):
        if query.get("securityToken") != key:
            return 401, {"Content-Type": "text/xml"}, "<html>Unauthorized: bad token</html>"
        start, stop = (entsoe_time(query[name]) for name in ("periodStart", "periodEnd"))
        area = {**change}.pop("area", query["in_Domain"])
        others = {name: value for name, value in change.items() if name != "area"}
        text = entsoe_document(area, start, stop, **others)
        return 200, {"Content-Type": "text/xml"}, text

    return answer
