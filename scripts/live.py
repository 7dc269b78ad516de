"""Make the page that plays the bundled instruments live, serve it, and open it: `make live`.

    .venv/bin/python scripts/live.py [--build] [--no-browser] [--port PORT]

The page lies in build/live/ and needs no Python. Microphones need an address that is local or https,
and so it is served here.
"""

import argparse
import functools
import http.server
import webbrowser
from pathlib import Path

from ddsp_course import _paths, files, instruments, live_page, web_export

FOLDER = Path(__file__).resolve().parent.parent / "build" / "live"


def build(folder=FOLDER):
    """Export the bundled instruments that are not there yet, or older than what they are made of."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = {}
    bundled = {name: entry for name, entry in instruments.catalogue().items() if entry.bundled}
    for name, entry in sorted(bundled.items(), key=lambda item: item[0] != "violin"):
        path = exported[entry.title] = folder / f"{name}{live_page.SUFFIX}"
        made_of = [Path(web_export.__file__), *(_paths.ASSETS / "instruments" / name).iterdir()]
        made_at = max(one.stat().st_mtime for one in made_of)
        if not path.exists() or path.stat().st_mtime < made_at:
            print(f"Exporting {name} …", flush=True)
            with files.whole_file(path) as part:
                part.write_bytes(live_page.content_of(name))
    live_page.write(folder, exported)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", action="store_true", help="make the page, and do not serve it")
    parser.add_argument("--port", type=int, default=8765, help="8765 if you do not choose another")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    args = parser.parse_args()
    build()
    if args.build:
        return
    handler = functools.partial(Handler, directory=FOLDER)
    with http.server.ThreadingHTTPServer(("127.0.0.1", args.port), handler) as server:
        address = f"http://localhost:{args.port}/"
        print(f"The page is at {address}; press Ctrl-C to end.", flush=True)
        if not args.no_browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
