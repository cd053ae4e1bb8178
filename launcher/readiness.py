"""Asks the web process whether the service can answer."""

import http.client
import json

from launcher.site import Site


def missing(site: Site) -> list[str]:
    """What the service still waits for, in words; empty once it is ready."""
    connection = http.client.HTTPConnection(site.reachable_host, site.port, timeout=5)
    try:
        headers = {"Host": site.answers_to, "X-Forwarded-Proto": "https"}
        connection.request("GET", "/readyz", headers=headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return ["the web process does not answer yet"]
    finally:
        connection.close()
    return [] if response.status == 200 else _reasons(response.status, body)


def _reasons(status: int, body: bytes) -> list[str]:
    try:
        checks = json.loads(body)["checks"].values()
        return [check["error"] for check in checks if not check["ok"]]
    except (ValueError, LookupError, TypeError, AttributeError):
        return [f"/readyz answers {status}"]
