"""`python clinic/running/probe.py PORT`: exit 0 when the web server of this container is healthy.

A script with nothing but the standard library, because it runs every few seconds. It speaks to the server under the
first of its own hosts: any other name would be refused.
"""

import http.client
import os
import sys


def main(port: int) -> int:
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
