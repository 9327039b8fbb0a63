"""Serves charts whose options come as JSON on standard input; writes its port."""

from __future__ import annotations

import json
import socket
import sys

import uvicorn
from fastapi import FastAPI
from nicegui import ui

from hub.web.charts.element import Chart

# What frame.js gives a page's scripts, in English.
_WORDS = """<script>
  window.dormouseSay = (text, values = {}) => text.replace(/{(\\w+)}/g, (_, name) => values[name]);
  window.dormouseNumber = (text) => text;
</script>"""


def main() -> None:
    charts = json.loads(sys.stdin.readline())
    app = FastAPI()

    @ui.page("/{name}")
    def page(name: str) -> None:
        ui.add_head_html(_WORDS)
        Chart(charts[name], name)

    ui.run_with(app, show_welcome_message=False)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    print(listening.getsockname()[1], flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
