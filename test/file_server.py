"""Serves the current folder over HTTP on a free local port, printed first. With --ranges it can resume, else it ignores Range headers.
Each request is noted in requests.log as "PATH RANGE". It ends when its standard input is closed."""
import http.server
import os
import re
import sys
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range", "-")
        with open("requests.log", "a") as log:
            log.write(f"{self.path} {wanted}\n")
        match = re.match(r"bytes=(\d+)-$", wanted) if "--ranges" in sys.argv else None
        path = self.translate_path(self.path)
        if not match or not os.path.isfile(path):
            return super().do_GET()
        size, begin = os.path.getsize(path), int(match[1])
        if begin >= size:
            return self.send_error(416)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - begin))
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(begin)
            self.copyfile(file, self.wfile)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.handle_error = lambda *arguments: None  # clients may hang up
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
