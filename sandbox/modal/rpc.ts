import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const proto = readFileSync(new URL('control-plane.proto', import.meta.url), 'utf8');
const service = protobuf.parse(proto).root.lookupService('modal.client.ModalClient');

/** A message as an object, without the fields that were not sent. */
export type Message = Readonly<Record<string, unknown>>;

/** The service as gRPC libraries take it, made from the .proto file. */
export const definition = Object.fromEntries(
  service.methodsArray.map((method) => {
    method.resolve();
    const request = codec(method.resolvedRequestType!);
    const response = codec(method.resolvedResponseType!);
    const path = `/modal.client.ModalClient/${method.name}`;
    return [
      method.name,
      {
        path,
        requestStream: false as const,
        responseStream: false as const,
        requestSerialize: request.encode,
        requestDeserialize: request.decode,
        responseSerialize: response.encode,
        responseDeserialize: response.decode,
        options: {},
      },
    ];
  }),
);

function codec(type: protobuf.Type) {
  return {
    encode: (message: Message) => Buffer.from(type.encode(type.create(message)).finish()),
    decode: (bytes: Uint8Array): Message => type.toObject(type.decode(bytes)),
  };
}
