"""A Modal on this machine that takes deploys and runs: what the real client said to it, kept for the tests.

It answers the calls that the client makes on the way and runs nothing. Ids are names, to be readable.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpclib import GRPCError, Status
from grpclib.server import Server, Stream
from modal_proto import api_grpc, api_pb2

SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS


class Modal:
    """What was said, and the address that a deployed Server is to have."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.server_url = ""
        """Empty as long as nothing counts as deployed."""

    def said(self, call: str) -> list[Any]:
        """The requests of one call, in order."""
        return [request for name, request in self.requests if name == call]

    def functions(self) -> dict[str, api_pb2.Function]:
        """How each function and Server was declared, by name."""
        return {request.function.function_name: request.function for request in self.said("FunctionCreate")}

    def volumes(self, function: api_pb2.Function) -> dict[str, str]:
        """Mount path to Volume name."""
        return {mount.mount_path: mount.volume_id.removeprefix("vo-") for mount in function.volume_mounts}

    def environment(self) -> dict[str, str]:
        """The variables given to containers; those of several functions together."""
        return {
            name: value
            for request in self.said("SecretGetOrCreate")
            for name, value in request.env_dict.items()
        }

    def files(self) -> set[str]:
        """The paths of all local files that go into containers."""
        return {file.filename for request in self.said("MountGetOrCreate") for file in request.files}

    def dockerfile(self) -> str:
        """The lines of all images together."""
        lines = [
            line for request in self.said("ImageGetOrCreate") for line in request.image.dockerfile_commands
        ]
        return "\n".join(lines)


def _handle(name: str) -> api_pb2.FunctionHandleMetadata:
    return api_pb2.FunctionHandleMetadata(
        function_name=name,
        function_type=api_pb2.Function.FUNCTION_TYPE_FUNCTION,
        supported_input_formats=[api_pb2.DATA_FORMAT_PICKLE],
        supported_output_formats=[api_pb2.DATA_FORMAT_PICKLE],
    )


def _get_function(modal: Modal, request: Any) -> Message:
    if not modal.server_url:
        raise GRPCError(Status.NOT_FOUND, f"{request.app_name} was not found")
    handle = _handle(request.object_tag)
    handle._experimental_flash_urls.append(modal.server_url)
    return api_pb2.FunctionGetResponse(function_id=f"fu-{request.object_tag}", handle_metadata=handle)


def _output() -> api_pb2.FunctionGetOutputsItem:
    result = api_pb2.GenericResult(status=SUCCESS, data=pickle.dumps(None))
    return api_pb2.FunctionGetOutputsItem(
        idx=0, input_id="in-1", result=result, data_format=api_pb2.DATA_FORMAT_PICKLE
    )


ANSWERS: dict[str, Callable[[Modal, Any], Message]] = {
    "AppClientDisconnect": lambda modal, request: Empty(),
    "AppCreate": lambda modal, request: api_pb2.AppCreateResponse(app_id=f"ap-{request.description}"),
    "AppGetByDeploymentName": lambda modal, request: api_pb2.AppGetByDeploymentNameResponse(),
    "AppGetOrCreate": lambda modal, request: api_pb2.AppGetOrCreateResponse(app_id=f"ap-{request.app_name}"),
    "AppHeartbeat": lambda modal, request: Empty(),
    "AppPublish": lambda modal, request: api_pb2.AppPublishResponse(url="http://modal.test/app"),
    "AuthTokenGet": lambda modal, request: api_pb2.AuthTokenGetResponse(token="a.e30.a"),
    "ClientHello": lambda modal, request: api_pb2.ClientHelloResponse(),
    "EnvironmentGetOrCreate": lambda modal, request: api_pb2.EnvironmentGetOrCreateResponse(
        environment_id="en-main",
        metadata=api_pb2.EnvironmentMetadata(
            name="main", settings=api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        ),
    ),
    "FunctionCreate": lambda modal, request: api_pb2.FunctionCreateResponse(
        function_id=f"fu-{request.function.function_name}",
        function=request.function,
        handle_metadata=_handle(request.function.function_name),
    ),
    "FunctionGet": _get_function,
    "FunctionGetOutputs": lambda modal, request: api_pb2.FunctionGetOutputsResponse(outputs=[_output()]),
    "FunctionMap": lambda modal, request: api_pb2.FunctionMapResponse(
        function_call_id="fc-1",
        pipelined_inputs=[api_pb2.FunctionPutInputsResponseItem(idx=0, input_id="in-1", input_jwt="jwt")],
    ),
    "FunctionPrecreate": lambda modal, request: api_pb2.FunctionPrecreateResponse(
        function_id=f"fu-{request.function_name}", handle_metadata=_handle(request.function_name)
    ),
    "ImageGetOrCreate": lambda modal, request: api_pb2.ImageGetOrCreateResponse(
        image_id=f"im-{len(modal.said('ImageGetOrCreate'))}",
        result=api_pb2.GenericResult(status=SUCCESS),
        metadata=api_pb2.ImageMetadata(image_builder_version=request.builder_version),
    ),
    "MountBatchedCheckExistence": lambda modal, request: api_pb2.MountBatchedCheckExistenceResponse(),
    "MountGetOrCreate": lambda modal, request: api_pb2.MountGetOrCreateResponse(
        mount_id=f"mo-{len(modal.said('MountGetOrCreate'))}"
    ),
    "SecretGetOrCreate": lambda modal, request: api_pb2.SecretGetOrCreateResponse(
        secret_id=f"st-{request.deployment_name or 'environment'}"
    ),
    "VolumeGetOrCreate": lambda modal, request: api_pb2.VolumeGetOrCreateResponse(
        volume_id=f"vo-{request.deployment_name}"
    ),
}


def _handler(name: str) -> Callable[[Any, Stream[Any, Any]], Any]:
    async def handle(self: Any, stream: Stream[Any, Any]) -> None:
        request = await stream.recv_message()
        self.modal.requests.append((name, request))
        if name == "AppGetLogs":
            # The client reads logs until it leaves; there are none.
            await asyncio.sleep(0.2)
            await stream.send_message(api_pb2.TaskLogsBatch(app_done=True))
        elif name in ANSWERS:
            await stream.send_message(ANSWERS[name](self.modal, request))
        else:
            raise GRPCError(Status.UNIMPLEMENTED, f"the stand-in for Modal does not know {name}")

    return handle


_Service: Any = type(
    "_Service",
    (api_grpc.ModalClientBase,),
    {name: _handler(name) for name in api_grpc.ModalClientBase.__abstractmethods__},
)


@contextmanager
def running() -> Iterator[tuple[Modal, str]]:
    """A stand-in on a free port, and what MODAL_SERVER_URL has to be for it."""
    modal = Modal()
    service = _Service()
    service.modal = modal
    loop = asyncio.new_event_loop()
    server: list[Server] = []

    async def start() -> int:
        server.append(Server([service]))
        await server[0].start("127.0.0.1", 0)
        return server[0]._server.sockets[0].getsockname()[1]

    async def stop() -> None:
        server[0].close()
        await server[0].wait_closed()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
        yield modal, f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
