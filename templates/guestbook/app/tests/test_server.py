"""Limits, patience, and the end of a server."""

import http.client
import socket
import threading
import time

from guestbook.connection import Limits
from guestbook.http import Request, Response
from guestbook.server import Server

from .running import QUICK, Case, ask, ask_raw


class Serving(Case):
    def start(self, application=None, limits: Limits = QUICK) -> Server:
        application = application or (lambda request: Response(200, request.body or b"hello\n"))
        return self.run_server(Server(application, "127.0.0.1", 0, limits=limits))

    def test_requests_follow_each_other_on_one_connection(self):
        server = self.start()
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        self.addCleanup(link.close)
        for number in range(5):
            link.request("POST", "/", f"body {number}")
            self.assertEqual(f"body {number}".encode(), link.getresponse().read())
        self.assertEqual(5, len(self.logged("request", 5)))

    def test_requests_that_are_sent_in_one_go_are_answered_in_order(self):
        server = self.start()
        found = ask_raw(
            server,
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo",
        )
        self.assertEqual(2, found.count(b"HTTP/1.1 200 OK"))
        self.assertLess(found.index(b"one"), found.index(b"two"))

    def test_head_has_the_length_and_no_body(self):
        found = ask_raw(self.start(), b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertIn(b"\r\nContent-Length: 6\r\n", found)
        self.assertTrue(found.endswith(b"\r\n\r\n"))

    def test_a_client_that_waits_for_the_go_ahead_gets_it(self):
        server = self.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
            link.sendall(
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
            )
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", link.recv(1000))
            link.sendall(b"ok")
            self.assertIn(b"200 OK", link.recv(1000))

    def test_a_body_over_the_limit_is_413(self):
        answer = ask(self.start(), "/", "POST", b"x" * (QUICK.body + 1))
        self.assertEqual(413, answer.status)
        self.assertEqual("close", answer.headers["connection"])

    def test_header_fields_over_the_limit_are_431(self):
        self.assertEqual(431, ask(self.start(), "/", headers={"X": "y" * QUICK.head}).status)

    def test_a_request_that_trickles_in_is_408(self):
        server = self.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
            found = b""
            for byte in b"GET / HTTP/1.1":
                try:
                    link.sendall(bytes([byte]))
                except OSError:
                    break  # it has lost its patience, as it should
                time.sleep(0.03)
            while some := link.recv(1000):
                found += some
        self.assertIn(b"408 Request Timeout", found)

    def test_a_connection_without_a_request_is_closed(self):
        server = self.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
            self.assertEqual(b"", link.recv(1000))

    def test_a_mistake_in_the_application_is_500_and_its_text_stays_inside(self):
        def broken(_: Request) -> Response:
            raise KeyError("what a visitor wrote")

        answer = ask(self.start(broken), "/")
        self.assertEqual(500, answer.status)
        self.assertNotIn("visitor", answer.text + self.log.getvalue())
        mistake = self.logged("mistake")[0]
        self.assertEqual("KeyError", mistake["what"])
        self.assertIn("test_server.py:", mistake["where"])

    def test_the_log_holds_no_query(self):
        ask(self.start(), "/path?password=hush")
        self.assertEqual("/path", self.logged("request")[0]["path"])
        self.assertNotIn("hush", self.log.getvalue())

    def test_more_clients_than_threads_are_all_served(self):
        limits = Limits(threads=2, idle_timeout=5, grace=5)
        server = self.start(limits=limits)
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        for link in idle:
            self.addCleanup(link.close)
            link.settimeout(5)
            link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b"200 OK", link.recv(1000))
        started = time.monotonic()
        self.assertEqual([200] * 6, [ask(server, "/").status for _ in range(6)])
        self.assertLess(time.monotonic() - started, 3, "idle connections did not give way")

    def test_no_more_threads_than_allowed_work_at_once(self):
        counting, working, most = threading.Lock(), [0], [0]

        def count(_: Request) -> Response:
            with counting:
                working[0] += 1
                most[0] = max(most[0], working[0])
            time.sleep(0.02)
            with counting:
                working[0] -= 1
            return Response(200, b"x")

        server = self.start(count, Limits(threads=3, grace=5))
        threads = [threading.Thread(target=ask, args=(server, "/")) for _ in range(15)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(3, most[0])


class Ending(Case):
    def test_what_is_under_way_is_finished(self):
        begun, release = threading.Event(), threading.Event()

        def slow(_: Request) -> Response:
            begun.set()
            release.wait(5)
            return Response(200, b"finished")

        server = Server(slow, "127.0.0.1", 0, limits=QUICK)
        ended, answers = [], []
        running = threading.Thread(target=lambda: ended.append(server.run()))
        asking = threading.Thread(target=lambda: answers.append(ask(server, "/")))
        running.start()
        asking.start()
        self.assertTrue(begun.wait(5))
        server.stop()
        time.sleep(0.1)
        self.assertTrue(running.is_alive(), "it did not wait for the request")
        with self.assertRaises(OSError, msg="it still takes connections"):
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        release.set()
        running.join(5)
        asking.join(5)
        self.assertEqual([True], ended)
        self.assertEqual(b"finished", answers[0].body)

    def test_who_waits_at_the_door_is_still_served(self):
        server = Server(lambda _: Response(200, b"served"), "127.0.0.1", 0, limits=QUICK)
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            server.stop()
            self.assertTrue(server.run())
            self.assertIn(b"served", link.recv(1000))

    def test_idle_connections_do_not_hold_it_up(self):
        server = Server(lambda _: Response(200, b"x"), "127.0.0.1", 0, limits=Limits(grace=5))
        running = threading.Thread(target=server.run)
        running.start()
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        self.addCleanup(link.close)
        link.request("GET", "/")
        link.getresponse().read()
        started = time.monotonic()
        server.stop()
        running.join(5)
        self.assertFalse(running.is_alive())
        self.assertLess(time.monotonic() - started, 1)

    def test_a_request_that_never_ends_is_given_up(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def stuck(_: Request) -> Response:
            release.wait(10)
            return Response(200)

        server = Server(stuck, "127.0.0.1", 0, limits=Limits(grace=0.2))
        ended = []
        running = threading.Thread(target=lambda: ended.append(server.run()))
        running.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.1)
            server.stop()
            running.join(5)
            release.set()
        server._threads.shutdown()
        self.assertEqual([False], ended)
