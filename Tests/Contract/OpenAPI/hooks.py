"""What schemathesis must know to get past the front door: how to make credentials, and which tokens are good.

Tokens and credentials are made anew for each request, since requests end sessions and change users.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import time
import urllib.request
import uuid

import requests.auth
import schemathesis

API = os.environ["PAWL_API"]
USER = os.environ["PAWL_USER"]
PASSWORD = os.environ["PAWL_PASSWORD"]
MASTER_SECRET_FILE = os.environ["PAWL_MASTER_SECRET_FILE"]
with open(MASTER_SECRET_FILE, encoding="ascii") as file:
    MASTER_SECRET = base64.b64decode(file.read())


def hkdf_sha256(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 without salt, 32 bytes."""
    key = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")


OPERATIONS_KEY = hkdf_sha256(MASTER_SECRET, b"pawl/v1/operations")


def sign_in() -> dict:
    body = json.dumps({"identifier": USER, "password": PASSWORD}).encode()
    request = urllib.request.Request(API + "/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def has_token(body) -> bool:
    """Whether a body says a refresh token: an object without one is as good as no body."""
    return isinstance(body, dict) and isinstance(body.get("refresh_token"), str)


def needs_access_token(path: str, body: bytes) -> bool:
    if path.startswith("/auth/logout") and body:
        try:
            return not has_token(json.loads(body))
        except ValueError:
            return False
    return path.startswith("/auth/session") or path.startswith("/auth/logout")


class Credential(requests.auth.AuthBase):
    """By where the request goes, as the securitySchemes in openapi.yaml say."""

    def __call__(self, request):
        path = request.path_url
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if path.startswith("/admin"):
            seconds = int(time.time())
            signed = f"{request.method}\n{path}\n{seconds}\n".encode() + hashlib.sha256(body).digest()
            code = base64.urlsafe_b64encode(hmac.digest(OPERATIONS_KEY, signed, "sha256")).rstrip(b"=").decode()
            request.headers["Authorization"] = f"Pawl-Operations {seconds}.{code}"
        elif needs_access_token(path, body):
            request.headers["Authorization"] = f"Bearer {sign_in()['access_token']}"
        return request


schemathesis.auth.set_from_requests(Credential())


def typeable(identifier):
    """One that anybody may have: a schema can neither count bytes nor say which characters are allowed."""
    return re.sub("[^ -~]", "x", identifier.strip())[:200]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts what no generator guesses into bodies that are right otherwise, so that answers of 200 are seen too."""
    body = case.body
    if isinstance(body, dict) and str(body.get("file")).startswith("/"):  # wherever a backup would be written
        body["file"] = f"{os.path.dirname(MASTER_SECRET_FILE)}/{uuid.uuid4()}"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.operation.path == "/auth/refresh" and not has_token(body):  # as only browsers ask
        case.headers["Sec-Fetch-Site"] = "same-origin"
    if isinstance((case.query or {}).get("after"), str):
        case.query["after"] = typeable(case.query["after"])
    if not isinstance(body, dict):
        return
    # Names that JSON must escape are refused: openapi.yaml says so in words, since a schema does not see the text.
    for name in [name for name in body if json.dumps(name) != f'"{name}"']:
        del body[name]
    # Only a browser may leave it out.
    if isinstance(body.get("refresh_token"), str) or case.operation.path in ("/auth/reauthenticate", "/auth/password"):
        body["refresh_token"] = sign_in()["refresh_token"]
    for name in ("password", "current", "new"):
        if isinstance(body.get(name), str):
            body[name] = PASSWORD
    if case.operation.path == "/auth/login":
        body["identifier"] = USER
    if isinstance(body.get("identifier"), str):
        body["identifier"] = typeable(body["identifier"])
    # A schema cannot tell the past from the future.
    for name, time_of in (("lost_from", "2020-01-01T00:00:00Z"), ("lost_until", "2020-01-02T00:00:00Z")):
        if isinstance(body.get(name), str):
            body[name] = time_of
