"""A request to the index server, as WSGI brings it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from fpservice.index.served.refusal import refusal
from fpservice.index.wire import Form

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_BODY: Final = 16 << 20
_T = TypeVar("_T")
_FORMS: Final = {form.value: form for form in Form}


class ServerRequest:
    """Method, path and body of a request, and the form its answer is wanted in."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        """Read nothing of the body yet."""
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("PATH_INFO", "")
        accepted = environ.get("HTTP_ACCEPT", "")
        self.answer_form = Form.MSGPACK if Form.MSGPACK.value in accepted else Form.JSON
        self._media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        self._input = environ["wsgi.input"]

    def read(self, reader: Callable[[Form, bytes], _T]) -> _T:
        """Return what ``reader`` makes of the body.

        Raises:
            RefusalError: there is no body, half of one, one of an unknown type, or over 16 MB.
            WireError: the reader refuses it.
        """
        try:
            data: bytes = self._input.read(MAX_BODY + 1)
        except OSError as error:
            raise refusal("BadRequest") from error
        if len(data) > MAX_BODY:
            raise refusal("RequestTooLarge")
        if not self._media_type:
            raise refusal("BadRequest")
        form = _FORMS.get(self._media_type)
        if form is None:
            raise refusal("UnsupportedMediaType")
        return reader(form, data)

    def read_optional(self, reader: Callable[[Form, bytes], _T]) -> _T | None:
        """Return what ``reader`` makes of the body, None if there is none; raises as ``read``."""
        return self.read(reader) if self._media_type else None
