"""The faulty proxy does what its policy says, and nothing else."""

from __future__ import annotations

import email.utils
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

import pytest

from tests.servers.fault import LIST, Call, Fault, Kind, Policy
from tests.servers.faulty import FaultyProxy, running_proxy

ONE = "/memo/entries/aa/one"
OTHER = "/memo/entries/bb/two"
BYTES = b"0123456789" * 100
LONG = b"0123456789" * 300_000


class Objects(BaseHTTPRequestHandler):
    """A server that knows a little of S3."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    hosts: list[str]

    def log_message(self, *args: object) -> None: ...

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Last-Modified", email.utils.formatdate(1_000_000_000, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        if self.path.startswith("/memo?"):
            names = "".join(
                f"<Contents><Key>{name}</Key><LastModified>2001-09-09T01:46:40.123Z"
                "</LastModified></Contents>"
                for name in sorted(self.objects)
            )
            self.answer(200, f"<List>{names}</List>".encode())
        elif self.path in self.objects:
            self.answer(200, self.objects[self.path])
        else:
            self.answer(404)

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("If-None-Match") == "*" and self.path in self.objects:
            self.answer(412)
            return
        self.objects[self.path] = body
        self.answer(200)

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self.send_response(204)
        self.end_headers()


@contextmanager
def served(objects: dict[str, bytes], hosts: list[str]) -> Iterator[str]:
    kind = type("Kind", (Objects,), {"objects": objects, "hosts": hosts})
    # Not the server of http.server, which asks for the name of the machine.
    with ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def objects() -> dict[str, bytes]:
    return {ONE: BYTES, OTHER: BYTES[::-1]}


@pytest.fixture
def hosts() -> list[str]:
    return []


@pytest.fixture
def proxy(objects: dict[str, bytes], hosts: list[str]) -> Iterator[FaultyProxy]:
    def overwrite(name: str, body: bytes) -> None:
        objects[f"/memo/{name}"] = body

    with served(objects, hosts) as upstream, running_proxy(upstream, overwrite) as proxy:
        yield proxy


def ask(
    proxy: FaultyProxy,
    method: str,
    path: str,
    body: bytes | None = None,
    timeout: float = 30,
    **headers: str,
) -> tuple[int, bytes, http.client.HTTPMessage]:
    _, _, place = proxy.endpoint.rpartition("/")
    client = http.client.HTTPConnection(place, timeout=timeout)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, named)
        response = client.getresponse()
        return response.status, response.read(), response.headers
    finally:
        client.close()


def test_all_goes_through_where_there_is_no_fault(
    proxy: FaultyProxy, objects: dict[str, bytes], hosts: list[str]
) -> None:
    assert ask(proxy, "GET", ONE)[:2] == (200, BYTES)
    status, body, headers = ask(proxy, "HEAD", ONE)
    assert (status, body, headers["Content-Length"]) == (200, b"", "1000")
    assert ask(proxy, "GET", "/memo/none")[0] == 404
    assert ask(proxy, "PUT", "/memo/long", LONG)[0] == 200
    assert objects["/memo/long"] == LONG
    assert ask(proxy, "GET", "/memo/long")[:2] == (200, LONG)
    assert b"one" in ask(proxy, "GET", "/memo?list-type=2")[1]
    assert ask(proxy, "DELETE", ONE)[0] == 204
    assert ONE not in objects
    assert proxy.policy.count() == 0
    # A signature of S3 is over the name that the client knows the server by.
    assert set(hosts) == {proxy.endpoint.removeprefix("http://")}


def test_connection_serves_several_requests(proxy: FaultyProxy) -> None:
    client = http.client.HTTPConnection(proxy.endpoint.rpartition("/")[2], timeout=30)
    proxy.inject(Fault((Kind.ERROR,), after=1, most=1))
    seen = []
    for _ in range(3):
        client.request("PUT", ONE, BYTES)
        response = client.getresponse()
        response.read()
        seen.append(response.status)
    client.close()
    assert seen == [200, 500, 200]


@pytest.mark.parametrize(
    ("kind", "method", "status"),
    [
        (Kind.ERROR, "GET", 500),
        (Kind.ERROR, "PUT", 500),
        (Kind.SLOW_DOWN, "HEAD", 503),
        (Kind.FORBIDDEN, "PUT", 403),
        (Kind.FORBIDDEN, "DELETE", 403),
        (Kind.FORBIDDEN, "GET", 200),
        (Kind.FULL, "PUT", 507),
        (Kind.FULL, "DELETE", 204),
        (Kind.LOST, "GET", 404),
        (Kind.LOST, "HEAD", 404),
        (Kind.REDIRECT, "GET", 307),
    ],
)
def test_status_of_a_fault(proxy: FaultyProxy, kind: Kind, method: str, status: int) -> None:
    proxy.inject(kind)
    assert ask(proxy, method, ONE, BYTES if method == "PUT" else None)[0] == status


def test_redirection_leads_to_itself(proxy: FaultyProxy) -> None:
    proxy.inject(Kind.REDIRECT)
    assert ask(proxy, "GET", ONE)[2]["Location"] == f"{proxy.endpoint}{ONE}"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_connection_ends_before_an_answer(
    proxy: FaultyProxy, objects: dict[str, bytes], method: str
) -> None:
    proxy.inject(Kind.RESET)
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(proxy, method, ONE, LONG if method == "PUT" else None)
    assert objects[ONE] == BYTES


@pytest.mark.parametrize("body", [BYTES, LONG])
def test_connection_ends_within_an_answer(
    proxy: FaultyProxy, objects: dict[str, bytes], body: bytes
) -> None:
    objects[ONE] = body
    proxy.inject(Kind.CUT)
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(proxy, "GET", ONE)


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.STALL])
def test_answer_never_ends(proxy: FaultyProxy, kind: Kind) -> None:
    proxy.inject(kind)
    with pytest.raises(TimeoutError):
        ask(proxy, "GET", ONE, timeout=0.3)


def test_proxy_ends_while_somebody_waits(proxy: FaultyProxy) -> None:
    proxy.inject(Kind.HANG)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(proxy, "GET", ONE)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    while not proxy.policy.calls:
        time.sleep(0.01)
    proxy.down()
    assert ended.wait(30)


def test_connections_are_refused_and_taken_again(proxy: FaultyProxy) -> None:
    place = proxy.endpoint
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        ask(proxy, "GET", ONE)
    proxy.up()
    assert proxy.endpoint == place
    assert ask(proxy, "GET", ONE)[0] == 200


def test_delay_changes_nothing(proxy: FaultyProxy) -> None:
    proxy.inject(Fault((Kind.DELAY,), seconds=0.05))
    assert ask(proxy, "GET", ONE)[:2] == (200, BYTES)


def test_truncated_answer_looks_whole(proxy: FaultyProxy) -> None:
    proxy.inject(Kind.TRUNCATED)
    assert ask(proxy, "GET", ONE)[1] == BYTES[:500]


def test_one_bit_is_another(proxy: FaultyProxy) -> None:
    proxy.inject(Kind.FLIPPED)
    body = ask(proxy, "GET", ONE)[1]
    differing = int.from_bytes(body, "big") ^ int.from_bytes(BYTES, "big")
    assert (len(body), differing & (differing - 1)) == (len(BYTES), 0)
    assert differing


def test_bytes_of_another_object_of_the_folder(proxy: FaultyProxy) -> None:
    ask(proxy, "GET", OTHER)
    proxy.inject(Kind.SWAPPED)
    assert ask(proxy, "GET", ONE)[:2] == (200, BYTES[::-1])


def test_lost_objects_are_in_no_list(proxy: FaultyProxy) -> None:
    proxy.inject(Kind.LOST)
    assert ask(proxy, "GET", "/memo?list-type=2&prefix=entries/")[:2] == (200, b"<List></List>")


def test_create_writes_over_what_is_there(proxy: FaultyProxy, objects: dict[str, bytes]) -> None:
    assert ask(proxy, "PUT", ONE, b"new", If_None_Match="*")[0] == 412
    proxy.inject(Kind.CREATE_IGNORED)
    assert ask(proxy, "PUT", ONE, b"new", If_None_Match="*")[0] == 200
    assert objects[ONE] == b"new"


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("DELETE", 204)])
def test_success_is_told_and_nothing_done(
    proxy: FaultyProxy, objects: dict[str, bytes], method: str, status: int
) -> None:
    proxy.inject(Kind.UNWRITTEN)
    assert ask(proxy, method, ONE, b"new" if method == "PUT" else None)[0] == status
    assert objects[ONE] == BYTES


def test_second_of_two_requests_is_answered(proxy: FaultyProxy, objects: dict[str, bytes]) -> None:
    proxy.inject(Kind.TWICE)
    assert ask(proxy, "PUT", "/memo/new", b"new", If_None_Match="*")[0] == 412
    assert objects["/memo/new"] == b"new"


def test_request_arrives_once_more_later(proxy: FaultyProxy, objects: dict[str, bytes]) -> None:
    proxy.inject(Fault((Kind.LATE,), methods=frozenset({"PUT"}), seconds=0.3))
    assert ask(proxy, "PUT", "/memo/new", b"new")[0] == 200
    assert ask(proxy, "DELETE", "/memo/new")[0] == 204
    assert "/memo/new" not in objects
    proxy.down()
    assert objects["/memo/new"] == b"new"


def test_clock_is_hours_off(proxy: FaultyProxy) -> None:
    proxy.inject(Fault((Kind.CLOCK,), seconds=7200))
    told = ask(proxy, "HEAD", ONE)[2]["Last-Modified"]
    assert told == email.utils.formatdate(1_000_007_200, usegmt=True)
    listed = ask(proxy, "GET", "/memo?list-type=2")[1]
    assert b"<LastModified>2001-09-09T03:46:40Z</LastModified>" in listed


# The policy -------------------------------------------------------------------------------


def test_call_is_known_by_its_first_line() -> None:
    assert Call.of("GET", "/memo/a/b%20c") == Call("GET", "a/b c")
    assert Call.of("GET", "/memo?list-type=2&prefix=a%2F") == Call(
        LIST, "a/", "list-type=2&prefix=a%2F"
    )
    assert Call.of("POST", "/memo/?delete").name == ""


@pytest.mark.parametrize(
    ("name", "folder"),
    [("p/entries/ab/abc", "p/entries"), ("p/tombstones/abc", "p/tombstones"), ("marker", "")],
)
def test_folder_of_objects_of_one_kind(name: str, folder: str) -> None:
    assert Call("GET", name).folder == folder


def drawn(seed: int, rate: float) -> list[bool]:
    policy = Policy(seed)
    policy.inject(Fault((Kind.ERROR,), rate))
    return [policy.choose(Call("GET", f"{i % 500}")) is not None for i in range(1000)]


def test_rate_is_kept_and_seed_repeats() -> None:
    assert drawn(1, 0.2) == drawn(1, 0.2) != drawn(2, 0.2)
    assert 150 < sum(drawn(1, 0.2)) < 250
    assert (sum(drawn(1, 0)), sum(drawn(1, 1))) == (0, 1000)


def test_faults_of_some_calls_alone() -> None:
    policy = Policy()
    policy.inject(Fault((Kind.LOST, Kind.FULL), names="^blobs/", methods=frozenset({"GET", "PUT"})))
    asked = [("GET", "blobs/a"), ("HEAD", "blobs/a"), ("PUT", "blobs/a"), ("GET", "entries/a")]
    found = [policy.choose(Call(*call)) for call in asked]
    assert [one and one[1] for one in found] == [Kind.LOST, None, Kind.FULL, None]
    assert policy.count() == 2
    assert policy.count(Kind.LOST) == 1
