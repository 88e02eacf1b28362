"""The client: one connection pool, four questions."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

import httpx

from sima_hand_client.async_client import AsyncHandClient
from sima_hand_client.calls import (
    LIMITS,
    Answer,
    Call,
    checked_url,
    glb_call,
    model_call,
    pause_s,
    reconstruct_call,
    views_call,
)
from sima_hand_client.credentials import Credentials
from sima_hand_client.errors import RefusedError, translate_http_errors
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.rpc.question import RpcChoices, question_of
from sima_hand_client.rpc.target import target_of
from sima_hand_client.streams.blocking import BlockingHandStream, StreamChoices
from sima_hand_client.streams.messages import Image
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, ModelInfo
from sima_hand_client.wire import parse_refusal

if TYPE_CHECKING:  # of the extra `grpc`
    from sima_hand_client.rpc.unary import RpcCaller


class HandClient:
    """A synchronous client of one SiMA-Hand service; threads may share it, `close` or `with` ends it.

    Example:
        >>> with HandClient("http://localhost:8080") as client:  # doctest: +SKIP
        ...     result = client.reconstruct(Path("photo.jpg"), hand="left")
        ...     result.vertices_root_m.shape
        (778, 3)
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8080",
        *,
        timeout_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        retry: RetryPolicy | None = None,
        api_key: str | None = None,
        ca_file: Path | None = None,
        client_certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            base_url: where the gateway listens.
            timeout_s: longest silence on the wire while a reply is awaited.
            connect_timeout_s: longest wait for the connection.
            retry: when to ask again; the default asks four times.
            api_key: for a service that asks for one; None takes $SIMAHAND_API_KEY, if there is any. Over
                plain http it can be read on its way.
            ca_file: PEM of the authority that signed the service's certificate; None takes $SIMAHAND_CA_FILE,
                or else those that are known to all.
            client_certificate: PEM files of a certificate and its key, for a service that asks for them;
                None takes $SIMAHAND_CLIENT_CERTIFICATE and $SIMAHAND_CLIENT_KEY, if there are any.

        Raises:
            ValueError: `base_url` is no http(s) URL, or `api_key` can be none.
            OSError: a certificate cannot be read.
        """
        self._base_url = checked_url(base_url)
        self._retry = retry or RetryPolicy()
        self._timeout_s, self._connect_timeout_s = timeout_s, connect_timeout_s
        timeout = httpx.Timeout(timeout_s, connect=connect_timeout_s)
        self._credentials = Credentials.found(
            api_key=api_key, ca_file=ca_file, client_certificate=client_certificate
        )
        self._http = httpx.Client(
            base_url=self._base_url,
            timeout=timeout,
            limits=LIMITS,
            headers=self._credentials.headers,
            verify=self._credentials.context(),
        )
        self._rpc: RpcCaller | None = None
        self._rpc_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        if self._rpc is not None:
            self._rpc.close()

    def reconstruct(
        self,
        image: Path | bytes,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> HandResult:
        """Reconstruct the hand in a photo.

        Args:
            image: an encoded JPEG, PNG or WebP, or the path of one.
            hand: which hand it is.
            box: the hand's tight box in the upright photo; None takes the whole photo for the crop.
            intrinsics: the camera of the upright photo; with it the result has `translation_m`.
            model: model name; None takes the service's default.
            version: model version; None takes the newest.

        Raises:
            OSError: `image` is a path that cannot be read.
            HandClientError: the service or the wire failed; see `errors`.
        """
        return self._ask(
            reconstruct_call(
                _content(image), hand=hand, box=box, intrinsics=intrinsics, model=model, version=version
            )
        )

    def reconstruct_glb(
        self,
        image: Path | bytes,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> bytes:
        """Reconstruct the hand in a photo as a binary glTF file: metres, glTF axes, named joints.

        Arguments and errors are those of `reconstruct`.
        """
        return self._ask(
            glb_call(_content(image), hand=hand, box=box, intrinsics=intrinsics, model=model, version=version)
        )

    def reconstruct_grpc(self, image: Path | Image, **choices: Unpack[RpcChoices]) -> HandResult:
        """Reconstruct the hand in a picture over gRPC: as `reconstruct`, in fewer bytes, raw pixels too.

        Args:
            image: an encoded JPEG, PNG or WebP, the path of one, or [H, W, 3] uint8 RGB.
            **choices: those of `reconstruct`, and what the answer is to carry; see `RpcChoices`.

        Raises:
            ImportError: the extra `grpc` is not installed.
            OSError: `image` is a path that cannot be read.
            ValueError: `image` is no picture, or a choice does not exist.
            HandClientError: the service or the wire failed, or it does not speak gRPC.
        """
        question = question_of(_content(image) if isinstance(image, Path) else image, **choices)
        caller = self._rpc_caller()
        attempt = 1
        while True:
            try:
                return caller.ask(*question)
            except RefusedError as refusal:
                time.sleep(pause_s(refusal, attempt, self._retry))
            attempt += 1

    def reconstruct_views(
        self,
        images: Sequence[Path | bytes],
        *,
        hand: Hand = "right",
        boxes: Sequence[Box | None] | None = None,
        target: int = 0,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> HandResult:
        """Reconstruct a hand from photos of one moment, in the order of the cameras around it.

        Args:
            images: two or more, each as in `reconstruct`.
            hand: which hand it is.
            boxes: the hand's tight box in each photo, None for the whole photo; None takes all as a whole.
            target: number of the photo, from 0, in whose camera and pixels the result is.
            intrinsics: the camera of that photo; with it the result has `translation_m`.
            model: model name; None takes the service's default.
            version: model version; None takes the newest.

        Raises:
            OSError: one of `images` is a path that cannot be read.
            HandClientError: the service or the wire failed, or it serves no model of several views.
        """
        return self._ask(
            views_call(
                [_content(image) for image in images],
                hand=hand,
                boxes=boxes,
                target=target,
                intrinsics=intrinsics,
                model=model,
                version=version,
            )
        )

    def model(self) -> ModelInfo:
        """Describe the model that the service serves: faces, bones, joint names.

        Raises:
            HandClientError: the service or the wire failed; see `errors`.
        """
        return self._ask(model_call())

    def stream(self, **choices: Unpack[StreamChoices]) -> BlockingHandStream:
        """Return a live stream, to be opened by `with`; see `AsyncHandClient.stream`."""
        client = AsyncHandClient(
            self._base_url,
            timeout_s=self._timeout_s,
            connect_timeout_s=self._connect_timeout_s,
            **self._credentials.access,
            retry=self._retry,
        )
        return BlockingHandStream(client, client.stream(**choices))

    def _rpc_caller(self) -> RpcCaller:
        from sima_hand_client.rpc.unary import RpcCaller

        with self._rpc_lock:
            if self._rpc is None:
                target = target_of(self._base_url, self.model())
                self._rpc = RpcCaller(target, credentials=self._credentials, timeout_s=self._timeout_s)
            return self._rpc

    def _ask(self, call: Call[Answer]) -> Answer:
        """Send until the service answers or the policy gives up."""
        attempt = 1
        while True:
            with translate_http_errors(self._base_url):
                reply = self._http.request(**call.request)
            if reply.is_success:
                return call.parse(reply)
            time.sleep(pause_s(parse_refusal(reply), attempt, self._retry))
            attempt += 1


def _content(image: Path | bytes) -> bytes:
    return image.read_bytes() if isinstance(image, Path) else image
