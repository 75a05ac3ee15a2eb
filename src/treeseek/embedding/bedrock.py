"""Amazon Titan through Bedrock: one text a request, with the credentials that AWS's own tools would use.

    v1  {"inputText": …}                                      ─▶  {"embedding": […1536], "inputTextTokenCount": n}
    v2  {"inputText": …, "dimensions": d, "normalize": true}  ─▶  {"embedding": […d], "inputTextTokenCount": n, …}

Needs the extra `bedrock`. Nothing here looks for credentials or regions: boto3 does, in its standard order.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

from treeseek.embedding.answers import Answer, one_line, parsed
from treeseek.embedding.batches import Capacity
from treeseek.embedding.models import limits_of, model_of, width_of
from treeseek.embedding.protocol import EmbedderIdentity
from treeseek.embedding.remote import PATIENT, RemoteEmbedder
from treeseek.embedding.retry import RequestError, Retry, TooLargeError, seconds_of
from treeseek.embedding.spec import Spec
from treeseek.errors import AccessDeniedError, CredentialsError, EmbeddingError, EndpointError, MissingExtraError

__all__ = ["Titan", "request_body", "titan"]

_THROTTLED = {"ThrottlingException", "TooManyRequestsException", "ServiceQuotaExceededException"}
_AT_FAULT = {
    "InternalServerException",
    "ServiceUnavailableException",
    "ModelTimeoutException",
    "ModelNotReadyException",
}
_CREDENTIALS = {
    "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken",
    "InvalidClientTokenId", "IncompleteSignature", "MissingAuthenticationTokenException",
}  # fmt: skip
_TOO_LARGE = ("too many input tokens", "maxlength", "too long", "max input tokens")


def titan(spec: Spec, retry: Retry = PATIENT) -> RemoteEmbedder:
    """Return the embedder for a Titan model. Raises UsageError for a model, a width or an option that can't be."""
    known = model_of(spec)
    dims = width_of(spec, known)
    identity = EmbedderIdentity(f"bedrock:{spec.model}", "1", dims, "remote", "normalized")
    provider = Titan(spec.model, dims, spec.text("region"), spec.text("endpoint"), spec.whole("concurrency", 8))
    return RemoteEmbedder(
        provider, identity, capacity=Capacity(1, 0, known.max_chars, spec.number("price", known.price or 0.0)),
        limits=limits_of(spec), timeout=spec.number("timeout", 60.0) or 60.0, retry=retry,
    )  # fmt: skip


def request_body(model: str, dims: int, text: str) -> str:
    """Return the body of a request, as JSON."""
    body: dict[str, Any] = {"inputText": text}
    if not model.endswith("-v1"):
        body |= {"dimensions": dims, "normalize": True}
    return json.dumps(body)


class Titan:
    """Sends one text at a time. The client is made when first used."""

    name = "bedrock"

    def __init__(self, model: str, dims: int, region: str = "", endpoint: str = "", connections: int = 8) -> None:
        self._model, self._dims = model, dims
        self._region, self._endpoint = region, endpoint
        self._connections = connections
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[float, Any] = {}

    def send(self, texts: Sequence[str], *, is_query: bool, timeout: float) -> Answer:
        """Return the vector of the one text. Raises RequestError, TooLargeError, EmbeddingError."""
        (text,) = texts
        client = self._client(timeout)
        from botocore.exceptions import BotoCoreError, ClientError

        body = request_body(self._model, self._dims, text)
        try:
            response = client.invoke_model(
                modelId=self._model, body=body, contentType="application/json", accept="application/json"
            )
            document = parsed(response["body"].read())
        except ClientError as error:
            raise self._refusal(error.response) from error
        except BotoCoreError as error:
            raise self._trouble(error) from error
        tokens = document.get("inputTextTokenCount")
        return Answer([document.get("embedding")], tokens if type(tokens) is int and tokens >= 0 else None)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _client(self, timeout: float) -> Any:
        """Return a client that waits so long for an answer; one is made for each such time."""
        with self._lock:
            if timeout not in self._clients:
                self._clients[timeout] = self._made(timeout)
            return self._clients[timeout]

    def _made(self, timeout: float) -> Any:
        try:
            from boto3.session import Session
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise MissingExtraError("bedrock needs boto3: pip install 'treeseek[bedrock]'") from error
        config = Config(
            connect_timeout=min(timeout, 10.0), read_timeout=timeout, max_pool_connections=self._connections,
            retries={"total_max_attempts": 1, "mode": "standard"},  # tried again here, within limits and patience
        )  # fmt: skip
        try:
            self._session = self._session or Session()  # a second client of a session costs a tenth of the first
            return self._session.client(
                "bedrock-runtime", region_name=self._region or None, endpoint_url=self._endpoint or None, config=config
            )
        except (BotoCoreError, ValueError) as error:
            raise self._trouble(error) from error

    def _refusal(self, response: Any) -> Exception:
        """Return what an error's answer comes to."""
        code = str(response.get("Error", {}).get("Code", ""))
        said = one_line(response.get("Error", {}).get("Message", "")) or code
        told = response.get("ResponseMetadata", {})
        status, headers = told.get("HTTPStatusCode", 0), told.get("HTTPHeaders", {})
        wait = seconds_of(headers.get("retry-after"))
        if code in _THROTTLED or status == 429:
            return RequestError("throttled", said, wait)
        if status == 413 or (code == "ValidationException" and any(mark in said.lower() for mark in _TOO_LARGE)):
            return TooLargeError(said)
        if code in _AT_FAULT or status >= 500:
            return RequestError("server", said, wait)
        if code in _CREDENTIALS or status == 401:
            return CredentialsError(f"AWS doesn't accept the credentials for bedrock ({code}); renew or replace them")
        if code == "AccessDeniedException" or status == 403:
            return AccessDeniedError(
                f"no access to {self._model}: {said}; ask for it in the Bedrock console, or in IAM"
            )
        if code == "ResourceNotFoundException" or status == 404:
            return AccessDeniedError(
                f"{self._model} is not to be had in this region: {said}; name another with region="
            )
        return EndpointError(f"bedrock refuses a request to {self._model}: {said}")

    def _trouble(self, error: Exception) -> Exception:
        """Return what an error of boto3's own comes to."""
        from botocore import exceptions as known

        if isinstance(error, known.NoRegionError):
            return CredentialsError("bedrock needs a region: add region=… to the embedder's options, or set AWS_REGION")
        credentials = (
            known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError,
            known.ProfileNotFound, known.TokenRetrievalError, known.SSOError, known.UnauthorizedSSOTokenError,
        )  # fmt: skip
        if isinstance(error, credentials):
            said = one_line(error)
            return CredentialsError(f"no AWS credentials for bedrock ({said}); `aws configure` sets some up")
        if isinstance(error, known.HTTPClientError | known.ConnectionError | known.IncompleteReadError):
            return RequestError("unreachable", one_line(error))
        return EmbeddingError(f"bedrock can't be used: {one_line(error)}")
