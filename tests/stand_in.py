"""A stand-in for a provider that is asked for tickets and tasks: a real server on loopback, told how to answer."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    reply: Callable[[Post], Reply | None] | None = None
    """None: hang up without an answer."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Cleared: an answer waits for it."""

    def made(self, post: Post) -> Reply:
        """As a provider does it: the resource, with what it gives of its own."""
        asked = json.loads(post.body)
        number = f"P-{len(self.posts)}"
        path = post.path.partition("?")[0]
        own = {"id": number, "href": f"{self.url}{path}/{number}"}
        own |= {"status" if "ticketType" in asked else "state": "acknowledged"}
        location = {"location": f"{path}/{number}", "content-type": "application/json"}
        return 201, location, json.dumps(asked | own, indent=1).encode()


@contextmanager
def stand_in() -> Iterator[StandIn]:
    one = StandIn()
    one.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Post(self.path, headers, body)
            one.posts.append(post)
            one.may_answer.wait(30)
            said = (one.reply or one.made)(post)
            if said is None:
                self.close_connection = True
                return
            status, told, content = said
            self.send_response(status)
            for name, value in {**told, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one.url = f"http://127.0.0.1:{server.server_port}"
    running = threading.Thread(target=server.serve_forever, args=(0.05,))
    running.start()
    try:
        yield one
    finally:
        one.may_answer.set()
        server.shutdown()
        running.join()
        server.server_close()
