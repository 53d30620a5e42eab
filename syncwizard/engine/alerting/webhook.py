"""Alerts as JSON that is posted; the address is a secret, and stands in no error."""

import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from syncwizard.engine.alerting.alert import Alert, in_shape
from syncwizard.engine.alerting.answers import ANSWER_BYTES, NETWORK_SECONDS, reason, shortened
from syncwizard.errors import NotDelivered
from syncwizard.task.alerting import Shape

# Shorter parts of an address are words that many have, such as `services`.
SECRET_CHARACTERS = 8


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that leads elsewhere is not followed: the alert would arrive as a GET, or at a stranger."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def send_webhook(alert: Alert, url: str, shape: Shape) -> None:
    """Posts JSON; raises NotDelivered, in which nothing of the address stands."""
    body = msgspec.json.encode(in_shape(alert, shape))
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotDelivered("the address of the webhook is none of http or https")
    try:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "syncwizard"}
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=NETWORK_SECONDS) as answer:
            refusal = refusal_in(answer.read(ANSWER_BYTES), shape)
    except urllib.error.HTTPError as error:
        with error:
            words = error.read(ANSWER_BYTES).decode(errors="replace")
        status = HTTPStatus(error.code).phrase if error.code in list(HTTPStatus) else ""
        parts = ("the webhook answers", str(error.code), status, without_address(shortened(words), url))
        raise NotDelivered(" ".join(filter(None, parts))) from None
    except urllib.error.URLError as error:
        why = error.reason if isinstance(error.reason, OSError) else error
        raise NotDelivered(f"the webhook cannot be reached: {without_address(reason(why), url)}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(f"the webhook cannot be used: {without_address(reason(error), url)}") from None
    if refusal:
        raise NotDelivered(f"the webhook refuses it: {without_address(refusal, url)}")


def refusal_in(answer: bytes, shape: Shape) -> str:
    """Why a receiver that answers 200 has not taken the alert all the same; empty where it has.

    >>> refusal_in(b'{"errcode": 310000, "errmsg": "keywords not in content"}', "dingtalk")
    '310000 keywords not in content'
    >>> refusal_in(b'{"code": 0, "msg": "success"}', "feishu")
    ''
    """
    if shape not in ("dingtalk", "feishu"):
        return ""
    try:
        data = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return "the answer is no JSON"
    if not isinstance(data, dict):
        return "the answer is no object of JSON"
    code, words = ("errcode", "errmsg") if shape == "dingtalk" else ("code", "msg")
    if shape == "feishu" and "code" not in data:
        code = "StatusCode"
    return "" if data.get(code) == 0 else shortened(f"{data.get(code)} {data.get(words, '')}")


def without_address(text: str, url: str) -> str:
    """The text without what of the address could be a secret: its path and parameters.

    >>> without_address("no_service: /services/T00/B00/XXXXXXXXXXXX", "https://hooks.example.com/services/T00/B00/XXXXXXXXXXXX")
    'no_service: …'
    """
    parts = urlsplit(url)
    pieces = [url, parts.path, parts.query, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    pieces += [parts.username or "", parts.password or ""]
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        if len(piece) >= SECRET_CHARACTERS:
            text = text.replace(piece, "…")
    return text
