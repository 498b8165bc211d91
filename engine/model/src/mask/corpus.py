#!/usr/bin/env python3
"""Writes corpus.json: secrets, as programs that are not ours write them down.

    engine/model/src/mask/corpus.py > engine/model/src/mask/corpus.json

Each entry is [number of the secret, how it was written, what was written, what of it must not be seen].
Encoders are those of Python, bash and OpenSSL, so that the masker is not judged by its own ideas.
"""

import base64
import hashlib
import json
import shlex
import subprocess
import textwrap
import urllib.parse

def blob(length, salt):
    digest = b"".join(hashlib.sha256(bytes([salt, n])).digest() for n in range(-(-length // 32)))
    return base64.b64encode(digest[:length]).decode()


KEY = "-----BEGIN EXAMPLE KEY-----\n" + "\n".join(textwrap.wrap(blob(293, 1), 64)) + "\n-----END EXAMPLE KEY-----\n"
SECRETS = [
    "Xk7pQ2vR9tLm",
    "s3cr3t",
    "tr0ub4dor & \"3\" ü/+'$x\\y<z>",
    "AK/+abc==zz-_.~09",
    "pass😀wörd!",
    "prefix-one",
    "prefix-one-two",
    "one-two-three",
    "abcabcabd",
    "a(secret)b-77",
    " blanks around it ",
    "ends with a line end\n",
    "DB=qwertz-99\n\nAPI_KEY=zz9-plural-z-alpha\nx=1\n",
    KEY,
    blob(700, 2),
]


def bash(script, text):
    argv = ["bash", "-c", script, "bash", text]
    return subprocess.run(argv, capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}).stdout.decode()


def written(text):
    """Everything in it is the secret."""
    yield "as it is", text
    yield "CRLF", text.replace("\n", "\r\n")
    yield "indented", textwrap.indent(text, "    ").strip(" ")
    yield "without quotes", " ".join(text.splitlines())
    for safe in ("", "/", "!'()*"):
        yield f"quote {safe}", urllib.parse.quote(text, safe=safe)
    yield "quote_plus", urllib.parse.quote_plus(text)
    lower = lambda coded: "".join(c.lower() if n > 0 and "%" in coded[max(0, n - 2):n] else c for n, c in enumerate(coded))
    yield "quote, small", lower(urllib.parse.quote(text, safe=""))
    yield "json", json.dumps(text)[1:-1]
    yield "json, beyond ASCII", json.dumps(text, ensure_ascii=False)[1:-1]
    yield "json, slashes", json.dumps(text)[1:-1].replace("/", "\\/")
    yield "json, for HTML", json.dumps(text)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield "shlex", shlex.quote(text)
    yield "printf %q", bash('printf %q "$1"', text)
    yield "${@Q}", bash('printf %s "${1@Q}"', text)
    yield "set -x", bash('exec 2>&1; set -x; : "$1"', text).removeprefix("+ : ")
    raw = text.encode()
    yield "hex", raw.hex()
    yield "HEX", raw.hex().upper()
    yield "hex, wrapped", "\n".join(textwrap.wrap(raw.hex(), 60))


def coded(text):
    """What is before and behind it is coded with it."""
    raw = text.strip().encode()
    for before, behind in ((b"", b""), (b"u", b"\n"), (b"us", b"-."), (b"user:", b""), (b"\0\0\0\0", b"\xff\xff")):
        first, last = -(-len(before) * 8 // 6), (len(before) + len(raw)) * 8 // 6
        for name, encode in (("base64", base64.b64encode), ("base64, URL", base64.urlsafe_b64encode)):
            whole = encode(before + raw + behind).decode()
            yield name, whole, whole[first:last]
            yield name + ", open", whole.rstrip("="), whole[first:last]
    if len(raw) < 40:
        for width, end in ((76, "\n"), (64, "\n"), (76, "\r\n"), (64, "\n      ")):
            for phase in range(0, 60, 7):
                before = hashlib.sha512(bytes([phase])).digest()[:phase]
                first, last = -(-phase * 8 // 6), (phase + len(raw)) * 8 // 6
                whole = base64.b64encode(before + raw + b"!!!!!!").decode()
                yield f"base64, lines of {width}", end.join(textwrap.wrap(whole, width)), whole[first:last]
    else:
        for flags in ("", "-A"):
            lines = subprocess.run(["openssl", "base64", *flags.split()], input=raw, capture_output=True, check=True)
            lines = lines.stdout.decode()
            yield f"openssl base64 {flags}", lines, "".join(lines.split()).rstrip("=")[:-1]


def main():
    corpus, seen = [], set()
    for number, secret in enumerate(SECRETS):
        # The blanks around it are not secret.
        both = zip(written(secret), written(secret.strip()))
        forms = [(name, text, hidden) for (name, text), (_, hidden) in both] + list(coded(secret))
        for name, text, hidden in forms:
            if (number, text) not in seen:
                seen.add((number, text))
                corpus.append([number, name, text] + ([] if hidden == text else [hidden]))
    lines = ",\n".join(json.dumps(entry) for entry in corpus)
    print('{"secrets": ' + json.dumps(SECRETS) + ',\n"written": [\n' + lines + "\n]}")


main()
