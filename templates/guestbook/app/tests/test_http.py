"""How requests are read and answers written."""

import unittest

from guestbook.http import Refused, Request, Response, parse, refusal


def refused(text: str) -> int:
    """Returns the status that this head is refused with."""
    try:
        parse(text.replace("\n", "\r\n").encode("latin-1"))
    except Refused as error:
        return error.status
    raise AssertionError(f"taken: {text!r}")


class Reading(unittest.TestCase):
    def test_a_plain_request_is_taken(self):
        request = parse(b"GET /a%20b?after=7&x= HTTP/1.1\r\nHost: localhost:18500\r\nX-A:  b c ")
        self.assertEqual(("GET", "/a b"), (request.method, request.path))
        self.assertEqual("7", request.asked("after"))
        self.assertEqual("localhost:18500", request.host)
        self.assertEqual("b c", request.headers["x-a"])
        self.assertTrue(request.keeps_alive)

    def test_an_absolute_address_is_taken(self):
        request = parse(b"GET http://other/feed.xml?x=1 HTTP/1.1\r\nHost: a")
        self.assertEqual(("/feed.xml", "x=1"), (request.path, request.query))

    def test_http_1_0_needs_no_host_and_closes(self):
        self.assertFalse(parse(b"GET / HTTP/1.0").keeps_alive)

    def test_what_two_programs_could_read_differently_is_refused(self):
        cases = {
            "two lengths": "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2",
            "a list of lengths": "POST / HTTP/1.1\nHost: a\nContent-Length: 1, 1",
            "a signed length": "POST / HTTP/1.1\nHost: a\nContent-Length: +1",
            "a folded line": "GET / HTTP/1.1\nHost: a\nX: b\n c",
            "a space before the colon": "GET / HTTP/1.1\nHost : a",
            "no host": "GET / HTTP/1.1",
            "two hosts": "GET / HTTP/1.1\nHost: a\nHost: b",
            "a host that is none": "GET / HTTP/1.1\nHost: a/../<b>",
            "a bare line feed": "GET / HTTP/1.1\nHost: a\nX: b\x0aY: c".replace("\x0aY", "\x0bY"),
            "a tab in the request line": "GET\t/ HTTP/1.1\nHost: a",
            "two spaces": "GET  / HTTP/1.1\nHost: a",
            "no path": "GET a HTTP/1.1\nHost: a",
            "a star": "OPTIONS * HTTP/1.1\nHost: a",
        }
        for what, text in cases.items():
            with self.subTest(what):
                self.assertEqual(400, refused(text))

    def test_a_body_without_a_length_is_411(self):
        self.assertEqual(411, refused("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked"))

    def test_another_version_is_505(self):
        self.assertEqual(505, refused("GET / HTTP/2.0\nHost: a"))

    def test_too_many_fields_are_431(self):
        self.assertEqual(431, refused("GET / HTTP/1.1\nHost: a" + "\nX: y" * 64))

    def test_a_form_gives_its_first_values(self):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = Request("POST", "/", headers=headers, body=b"name=Zo%C3%AB&name=b&message=")
        self.assertEqual({"name": "Zoë", "message": ""}, request.form())

    def test_a_form_of_another_type_is_415(self):
        with self.assertRaises(Refused) as caught:
            Request("POST", "/", body=b"{}").form()
        self.assertEqual(415, caught.exception.status)

    def test_a_form_with_very_many_fields_is_400(self):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        with self.assertRaises(Refused) as caught:
            Request("POST", "/", headers=headers, body=b"a=1&" * 30).form()
        self.assertEqual(400, caught.exception.status)

    def test_a_cookie_is_found_among_others(self):
        request = Request("GET", "/", headers={"cookie": "a=1; guestbook=xyz;b"})
        self.assertEqual("xyz", request.cookie("guestbook"))
        self.assertEqual("", request.cookie("guest"))


class Writing(unittest.TestCase):
    def test_a_line_end_cannot_get_into_a_header(self):
        head = Response(303, headers=[("Location", "/\r\nSet-Cookie: x=1")]).head(keep=True)
        self.assertNotIn(b"\r\nSet-Cookie", head)

    def test_a_refusal_says_why_and_keeps_its_headers(self):
        response = refusal(Refused(405, "PUT is not possible here", {"Allow": "GET"}))
        self.assertEqual(405, response.status)
        self.assertIn(b"PUT is not possible", response.body)
        self.assertIn(b"\r\nAllow: GET\r\n", response.head(keep=False))


if __name__ == "__main__":
    unittest.main()
